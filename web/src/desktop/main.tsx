import { render } from "preact";
import { App } from "./App";
import "../shared/tokens.css";
import "../shared/states.css";
import "./styles/base.css";
import "./styles/runs.css";
import "./styles/operate.css";
import "./styles/episodes.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
