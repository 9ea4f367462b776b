export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("pair");
}

/** The pairing code of the address, which is taken out of it so that it stays in no history. */
export function takeToken(): string | null {
  const token = tokenOf(location.hash);
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token;
}
