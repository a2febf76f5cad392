// The laptop's pages: which one the address names, and the frame around it.

import { html, render, useEffect, useLayoutEffect, useState } from "./vendor/preact.js";
import { address, followLinksInPlace } from "./address.js";
import { Frame } from "./frame.js";
import { onKey } from "./keys.js";
import { SURFACES } from "./names.js";
import { Skeleton } from "./states.js";

// Nobody signs in here, so nothing is known of plans or roles.
const SESSION = { me: null, plans: null };

const App = () => {
  const { slug, page } = address.value;
  const [loaded, setLoaded] = useState({});
  const [first] = useState(page);
  useEffect(() => {
    import(`./surfaces/${page}.js`).then((module) => setLoaded({ page, Surface: module.Surface }));
    if (page !== first) document.querySelector("#main")?.focus({ preventScroll: false });
  }, [page]);
  useLayoutEffect(() => {
    document.title = `${SURFACES[page].name} · This machine · Halton Meter`;
  }, [page]);
  const Surface = loaded.page === page ? loaded.Surface : null;
  return html`
    <${Frame} slug=${slug} page=${page}>
      ${Surface ? html`<${Surface} key=${page} slug=${slug} session=${SESSION} />` : html`<${Skeleton} />`}
    <//>
  `;
};

addEventListener("keydown", onKey);
followLinksInPlace();
const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${App} />`, root);
