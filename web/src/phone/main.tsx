import { render } from "preact";
import { keepStill } from "./keep_still";
import { takeToken } from "./login";
import { Phone } from "./phone";
import { App } from "./Screens";
import "./base.css";
import "./steer.css";
import "./controls.css";
import "./layout.css";
import "./talk.css";

const root = document.getElementById("app");
if (root) {
  keepStill();
  const phone = new Phone((view) => render(<App view={view} phone={phone} overlay={root} />, root));
  void phone.open(takeToken());
}
