import { useEffect, useState } from "preact/hooks";
import { api, ApiError, errorLine } from "../shared/api";
import { takeInvitation } from "./router";

export type Login =
  | { state: "asking" }
  | { state: "in"; name: string }
  | { state: "out"; error: string | null };

/** Logs in with the invitation of the address if there is one, else with what the browser remembers. */
export function useLogin(): { login: Login; logout: () => void } {
  const [login, setLogin] = useState<Login>({ state: "asking" });
  useEffect(() => {
    const enter = () => void whoIsThere().then(setLogin);
    const invited = () => location.hash.startsWith("#invite=") && enter(); // a link opened in a tab that is already here
    enter();
    window.addEventListener("hashchange", invited);
    return () => window.removeEventListener("hashchange", invited);
  }, []);
  const logout = () => {
    const out = (error: string | null) => setLogin({ state: "out", error });
    api.logout().then(() => out(null), (error: unknown) => out(errorLine(error)));
  };
  return { login, logout };
}

async function whoIsThere(): Promise<Login> {
  const token = takeInvitation();
  const refused = token === null ? null : await refusal(token);
  try {
    return { state: "in", name: (await api.me()).name };
  } catch (error) {
    const loggedOut = error instanceof ApiError && error.status === 401;
    return { state: "out", error: refused ?? (loggedOut ? null : errorLine(error)) };
  }
}

/** Why an invitation is not taken, or null. A browser that was let in before stays in all the same. */
async function refusal(token: string): Promise<string | null> {
  try {
    await api.login(token);
    return null;
  } catch (error) {
    return errorLine(error);
  }
}
