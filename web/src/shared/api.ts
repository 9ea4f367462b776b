/** The server's requests, typed. An error is an `ApiError` whose message is one line for a person. */

import type { Episode, EpisodeEdit, Options, Pairing, Replay, Run, RunRequest } from "./protocol";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The line to show for whatever was thrown. */
export function errorLine(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function ask(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method, credentials: "same-origin" };
  if (method === "POST") {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body ?? {});
  }
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, init);
  } catch {
    throw new ApiError("The server does not answer. Is `retouch serve` still running?", 0);
  }
  const answer = await parsed(response);
  if (!response.ok) throw new ApiError(errorOf(answer, response.status), response.status);
  return answer;
}

async function parsed(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError(`The server's answer cannot be read (${response.status}).`, response.status);
  }
}

function errorOf(answer: unknown, status: number): string {
  if (typeof answer === "object" && answer !== null && "error" in answer) return String(answer.error);
  return `The server refused (${status}).`;
}

const get = <T>(path: string): Promise<T> => ask("GET", path) as Promise<T>;
const post = <T>(path: string, body?: unknown): Promise<T> => ask("POST", path, body) as Promise<T>;
const run = (name: string): string => `runs/${encodeURIComponent(name)}`;
const episode = (name: string, round: number, id: string): string =>
  `${run(name)}/episodes/${round}/${encodeURIComponent(id)}`;

export const api = {
  login: (token: string) => post<{ name: string }>("login", { token }),
  phoneLogin: (token: string) => post<{ name: string }>("phone/login", { token }),
  me: () => get<{ name: string }>("me"),
  logout: () => post<null>("logout"),
  pair: () => post<Pairing>("pair"),
  options: () => get<Options>("options"),
  runs: () => get<Run[]>("runs"),
  createRun: (request: RunRequest) => post<Run>("runs", request),
  train: (name: string) => post<unknown>(`${run(name)}/train`),
  stop: (name: string) => post<unknown>(`${run(name)}/stop`),
  /** A page of its own, to be opened and not fetched. */
  reportUrl: (name: string) => `/api/${run(name)}/report`,
  episodes: (name: string) => get<Episode[]>(`${run(name)}/episodes`),
  replay: (name: string, round: number, id: string) => get<Replay>(`${episode(name, round, id)}/replay`),
  edit: (name: string, round: number, id: string, edit: EpisodeEdit) =>
    post<Episode>(`${episode(name, round, id)}/edit`, edit),
};
