import { Notice } from "../shared/Notice";

/** For whoever is not logged in: what to ask for, and from whom. */
export function LoginPage({ error }: { error: string | null }) {
  return (
    <main class="login">
      <div class="card">
        <p class="brand">retouch</p>
        <h1>You need an invitation</h1>
        <Notice text={error} />
        <p>Ask whoever runs this server for an invitation link. They make one with</p>
        <pre><code>retouch serve --invite NAME</code></pre>
        <p class="soft">Open the link in this browser. It works once; after that this browser stays logged in.</p>
      </div>
    </main>
  );
}
