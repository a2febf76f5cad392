// What was sent and what came back, side by side, with what was taken out marked.

import { html } from "../vendor/preact.js";
import { bodies } from "../api.js";
import { useAnswer } from "../answer.js";
import { count, counted } from "../names.js";
import { Skeleton } from "../states.js";

const REDACTED = /(\[REDACTED[^\]]*\]|<REDACTED[^>]*>|\[redacted[^\]]*\])/;

/** JSON is set out over lines; everything else is shown as it came. */
const setOut = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const Marked = ({ text }) =>
  setOut(text)
    .split(REDACTED)
    .map((part, index) => (index % 2 ? html`<mark>${part}</mark>` : part));

const Side = ({ title, text, bytes, type, isCut }) => html`
  <section aria-label=${title}>
    <h3>${title}</h3>
    <p class="quiet">
      ${[type, bytes === null ? null : counted(bytes, "byte")].filter(Boolean).join(" · ")}
      ${isCut && html`${" "}<span class="chip exception">cut short</span>`}
    </p>
    ${text === null ? html`<p class="quiet">None was kept.</p>` : html`<pre tabindex="0" aria-label=${`${title}, as kept`}><${Marked} text=${text} /></pre>`}
  </section>
`;

const Redactions = ({ answer }) => {
  const kinds = Object.entries(answer.redaction_summary ?? {});
  if (!answer.redaction_applied && kinds.length === 0) return html`<p class="quiet">The daemon took nothing out of these.</p>`;
  return html`
    <p class="quiet">
      Taken out by the daemon, before it kept them:
      ${kinds.map(([kind, times]) => html`${" "}<span class="chip">${kind} ${typeof times === "number" ? `× ${count(times)}` : String(times)}</span>`)}
      ${kinds.length === 0 && " what it does not say"}
    </p>
  `;
};

export const Bodies = ({ call }) => {
  const { answer, refusal } = useAnswer((options) => bodies(call.id, options), call.id);
  if (refusal?.details.status === 404) return html`<p class="quiet">No bodies were kept of this call. The daemon keeps them of projects that switch it on.</p>`;
  if (refusal) return html`<p class="quiet">${refusal.message}</p>`;
  if (!answer) return html`<${Skeleton} lines=${4} />`;
  return html`
    <${Redactions} answer=${answer} />
    ${answer.capture_error && html`<p class="note">Capturing went wrong: ${answer.capture_error}</p>`}
    <div class="bodies">
      <${Side} title="Request" text=${answer.request_body} bytes=${answer.request_body_bytes} type=${answer.request_content_type} isCut=${answer.request_truncated} />
      <${Side} title="Response" text=${answer.response_body} bytes=${answer.response_body_bytes} type=${answer.response_content_type} isCut=${answer.response_truncated || answer.streaming_incomplete} />
    </div>
  `;
};
