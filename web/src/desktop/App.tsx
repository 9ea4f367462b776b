import { EpisodesPage } from "./episodes/EpisodesPage";
import { ReplayPage } from "./episodes/ReplayPage";
import { LoginPage } from "./LoginPage";
import { OperatePage } from "./operate/OperatePage";
import { Person } from "./person";
import { useRoute, type Route } from "./router";
import { RunsPage } from "./runs/RunsPage";
import { useLogin } from "./useLogin";

export function App() {
  const { login, logout } = useLogin();
  const route = useRoute();
  if (login.state === "asking") return <p class="page-wait" role="status">Loading …</p>;
  if (login.state === "out") return <LoginPage error={login.error} />;
  return <Person.Provider value={{ name: login.name, logout }}>{pageOf(route)}</Person.Provider>;
}

function pageOf(route: Route) {
  switch (route.page) {
    case "runs":
      return <RunsPage chosen={null} creating={false} />;
    case "new":
      return <RunsPage chosen={null} creating />;
    case "run":
      return <RunsPage chosen={route.run} creating={false} />;
    case "operate":
      return <OperatePage key={route.run} run={route.run} />;
    case "episodes":
      return <EpisodesPage key={route.run} run={route.run} />;
    case "episode":
      return <ReplayPage key={`${route.run} ${route.round} ${route.id}`} run={route.run} round={route.round} id={route.id} />;
  }
}
