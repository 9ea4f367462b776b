import { createContext } from "preact";

/** Who is logged in. */
export const Person = createContext<{ name: string; logout: () => void }>({ name: "", logout: () => undefined });
