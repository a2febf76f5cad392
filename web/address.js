// The URL is the state: reading it, changing it, and moving without a page load.

import { signal } from "./vendor/preact.js";

const read = () => {
  const { pathname, search } = window.location;
  const [, slug = null, page = null] = /^\/w\/([^/]+)\/([^/]+)\/?$/.exec(pathname) ?? [];
  return {
    slug: slug && decodeURIComponent(slug),
    page,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
};

export const address = signal(read());

addEventListener("popstate", () => {
  address.value = read();
});

const move = (href, replace) => {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  address.value = read();
};

export const pageHref = (slug, page, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `/w/${encodeURIComponent(slug)}/${page}${search}`;
};

/** This page with some of its query changed; null takes a key away. */
export const hrefWith = (changes) => {
  const { slug, page, query } = address.value;
  return pageHref(slug, page, { ...query, ...changes });
};

/** Change the query. `replace` leaves no step behind: for typing, not for choosing. */
export const setQuery = (changes, { replace = false } = {}) => move(hrefWith(changes), replace);

/** The same page of the same workspace under its slug of now. */
export const replaceSlug = (slug) => move(pageHref(slug, address.value.page, address.value.query), true);

export const goTo = (href) => {
  const { origin } = window.location;
  const target = new URL(href, origin);
  if (target.pathname.startsWith("/w/")) move(target.pathname + target.search, false);
  else window.location.assign(target);
};

/** Let links between workspace pages change the address without a page load. */
export const followLinksInPlace = () =>
  addEventListener("click", (click) => {
    const link = click.target.closest?.("a[href^='/w/']");
    const isPlain = click.button === 0 && !(click.metaKey || click.ctrlKey || click.shiftKey);
    if (!link || link.target || !isPlain) return;
    click.preventDefault();
    goTo(link.getAttribute("href"));
  });

let isLeaving = false;

/** Go to the door, once, however many answers say that nobody is signed in. */
export const leaveForSignIn = () => {
  if (isLeaving) return;
  isLeaving = true;
  const { pathname, search, hash } = window.location;
  window.location.assign(`/sign-in?${new URLSearchParams({ next: pathname + search })}${hash}`);
};

/** Where to go after signing in: a path of this site, whatever the query says. What
 * stood after the # is passed on beside it, so that no server is sent it. */
export const nextAfterSignIn = () => {
  const next = new URLSearchParams(window.location.search).get("next") ?? "/";
  const { origin } = window.location;
  const target = URL.canParse(next, origin) ? new URL(next, origin) : new URL(origin);
  return target.origin === origin ? target.pathname + target.search + window.location.hash : "/";
};
