// Sign-in of the local issuer: an e-mail address and a sign-in code.

import { html, render, useState } from "../vendor/preact.js";
import { signIn } from "../api.js";
import { nextAfterSignIn } from "../address.js";

const WAITS = (seconds) => (seconds ? ` Try again in ${seconds} seconds.` : "");

const SignIn = () => {
  const [said, setSaid] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const { email, code } = Object.fromEntries(new FormData(event.target));
    setSaid({ isBusy: true });
    try {
      await signIn(email.trim(), code.trim());
      window.location.assign(nextAfterSignIn());
    } catch (refusal) {
      const isOffline = refusal.kind === "offline";
      setSaid({ text: isOffline ? "The server cannot be reached." : refusal.message + WAITS(refusal.details?.retry_after) });
    }
  };
  return html`
    <h1>Sign in</h1>
    <form onSubmit=${submit}>
      <label class="field"><span>E-mail</span><input type="email" name="email" required autocomplete="username" autofocus /></label>
      <label class="field">
        <span>Sign-in code</span>
        <input type="password" name="code" required autocomplete="one-time-code" aria-describedby="code-help" />
      </label>
      <p class="quiet" id="code-help">The code that <code>hmc up</code> printed when this server started.</p>
      <p class="said exception" role="alert">${said?.text}</p>
      <button class="button primary wide" disabled=${said?.isBusy}>Sign in</button>
    </form>
  `;
};

const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${SignIn} />`, root);
