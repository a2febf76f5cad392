// One fetch as a page sees it: waiting, answered, or refused, and how to ask again.

import { useEffect, useState } from "./vendor/preact.js";
import { Refusal } from "./api.js";
import { leaveForSignIn } from "./address.js";

// Out of reach since the first attempt that failed, not since the last.
const sinceFirst = (before, refusal) => (before?.kind === "offline" && refusal.kind === "offline" ? before : refusal);

/**
 * Ask, and ask again when `key` changes. While a new answer is on its way the old
 * one stays, marked `isStale`. `ask` takes `{ signal }` and may throw a Refusal.
 */
export const useAnswer = (ask, key) => {
  const [state, set] = useState({ answer: null, refusal: null, isStale: true });
  const [attempt, setAttempt] = useState(0);
  const retry = () => setAttempt((count) => count + 1);

  useEffect(() => {
    const aborter = new AbortController();
    set((before) => ({ ...before, isStale: true }));
    ask({ signal: aborter.signal }).then(
      (answer) => {
        set({ answer, refusal: null, isStale: false });
      },
      (refusal) => {
        if (aborter.signal.aborted) return;
        if (!(refusal instanceof Refusal)) throw refusal;
        if (refusal.kind === "signed-out") return leaveForSignIn();
        set((before) => ({ answer: null, refusal: sinceFirst(before.refusal, refusal), isStale: false }));
      },
    );
    return () => aborter.abort();
  }, [key, attempt]);

  useEffect(() => {
    addEventListener("online", retry);
    return () => removeEventListener("online", retry);
  }, []);

  return { ...state, retry };
};
