// The workspace pages: who is signed in, which page the address names, and its frame.

import { html, render, useEffect, useLayoutEffect, useState } from "./vendor/preact.js";
import * as api from "./api.js";
import { address, followLinksInPlace, replaceSlug } from "./address.js";
import { useAnswer } from "./answer.js";
import { Frame, remember } from "./frame.js";
import { onKey } from "./keys.js";
import { SURFACES } from "./names.js";
import { Skeleton } from "./states.js";

const useSurface = (page) => {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    import(`./surfaces/${page}.js`).then((module) => setLoaded({ page, Surface: module.Surface }));
  }, [page]);
  return loaded.page === page ? loaded.Surface : null;
};

// The drawer that says how a figure is made: fetched by the first who wants to know.
const useHow = (isWanted) => {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    if (isWanted) import("./how.js").then((module) => setLoaded({ How: module.How }));
  }, [isWanted]);
  return isWanted ? loaded.How : null;
};

const useTitleAndFocus = (page, name) => {
  const [first] = useState(page);
  useLayoutEffect(() => {
    document.title = `${SURFACES[page].name} · ${name} · Halton Meter`;
  }, [page, name]);
  useEffect(() => {
    remember(address.value.slug);
    document.querySelector(".pages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (page !== first) document.querySelector("#main")?.focus({ preventScroll: false });
  }, [page]);
};

// A workspace that moved to another slug: the API follows, and so does the address.
const useSlugOfNow = (slug, me) => {
  const isUnknown = me && !me.workspaces.some((each) => each.slug === slug);
  useEffect(() => {
    if (!isUnknown) return;
    api.settings(slug).then(
      ({ workspace }) => replaceSlug(workspace.slug),
      () => null, // The page itself says what is wrong.
    );
  }, [slug, isUnknown]);
};

const App = () => {
  const { slug, page } = address.value;
  const me = useAnswer(api.me, "me");
  const plans = useAnswer(api.plans, "plans");
  const Surface = useSurface(page);
  const How = useHow(Boolean(address.value.query.how));
  const session = { me: me.answer, plans: plans.answer };
  const membership = session.me?.workspaces.find((each) => each.slug === slug);
  useSlugOfNow(slug, me.answer);
  useTitleAndFocus(page, membership?.name ?? slug);
  return html`
    <${Frame} session=${session} slug=${slug} page=${page} membership=${membership}>
      ${Surface
        ? html`<${Surface} key=${`${slug} ${page}`} slug=${slug} session=${session} membership=${membership} />`
        : html`<${Skeleton} />`}
      ${How && html`<${How} slug=${slug} session=${session} />`}
    <//>
  `;
};

addEventListener("keydown", onKey);
followLinksInPlace();
const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${App} />`, root);
