/** Line drawings, 24 units a side. Beside text they say nothing to a screen reader. */
import { html } from "../preact.js";

const PATHS = {
  camera: html`<rect x="2.5" y="6" width="13" height="12" rx="3" /><path d="m15.5 10.5 5-2.7v8.4l-5-2.7" />`,
  upload: html`<path d="M12 15.5V4.5M7.5 9 12 4.5 16.5 9" /><path d="M4.5 15v2.5a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2V15" />`,
  download: html`<path d="M12 4.5v11M7.5 11l4.5 4.5 4.5-4.5" /><path d="M4.5 15v2.5a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2V15" />`,
  edit: html`<path d="M5 19l.8-4L15.5 5.3a1.8 1.8 0 0 1 2.5 0l.7.7a1.8 1.8 0 0 1 0 2.5L9 18.2z" />`,
  target: html`<circle cx="12" cy="12" r="8" /><circle cx="12" cy="12" r="3.2" />`,
  trash: html`<path d="M4.5 7h15M9.5 7V4.8h5V7M6.5 7l.8 11.2a1.5 1.5 0 0 0 1.5 1.3h6.4a1.5 1.5 0 0 0 1.5-1.3L17.5 7M10.2 10.8v5M13.8 10.8v5" />`,
  back: html`<path d="M19 12H5M11 6l-6 6 6 6" />`,
  stop: html`<rect x="6" y="6" width="12" height="12" rx="2.5" fill="currentColor" stroke="none" />`,
  play: html`<path d="M8 5.5v13l10.5-6.5z" fill="currentColor" stroke="none" />`,
  good: html`<path d="m5.5 12.5 4.2 4.2 8.8-9.2" />`,
  fair: html`<path d="M4.5 10c2.5-2.5 5-2.5 7.5 0s5 2.5 7.5 0M4.5 15.5c2.5-2.5 5-2.5 7.5 0s5 2.5 7.5 0" />`,
  poor: html`<path d="m7 7 10 10M17 7 7 17" />`,
  wait: html`<circle cx="12" cy="12" r="8" /><path d="M12 7.5V12l3 2" />`,
  alert: html`<circle cx="12" cy="12" r="8.5" /><path d="M12 7.8v5M12 16.2v.1" />`,
  link: html`<path d="M5 19v-3M10 19v-7M15 19V9M20 19V5" />`,
  again: html`<path d="M19 12a7 7 0 1 1-2.2-5.1M19 4v4.2h-4.2" />`,
  person: html`<circle cx="12" cy="6.5" r="2.7" /><path d="M12 9.5v6M6.5 12.5 12 11l5.5 1.5M9 20l3-4.5 3 4.5" />`,
  noPerson: html`<circle cx="12" cy="6.5" r="2.7" /><path d="M12 9.5v6M6.5 12.5 12 11l5.5 1.5M9 20l3-4.5 3 4.5M4 4l16 16" />`,
  voice: html`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" /><path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11" />`,
  mute: html`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" /><path d="m15.5 9.5 5 5M20.5 9.5l-5 5" />`,
  pause: html`<path d="M8.5 6v12M15.5 6v12" stroke-width="3.4" />`,
  more: html`<path d="m6 9.5 6 6 6-6" />`,
  down: html`<path d="M12 4.5v15M5.5 13l6.5 6.5 6.5-6.5" />`,
  up: html`<path d="M12 19.5v-15M5.5 11 12 4.5l6.5 6.5" />`,
  wider: html`<path d="M3.5 12h17M8 7.5 3.5 12 8 16.5M16 7.5l4.5 4.5-4.5 4.5" />`,
  slower: html`<path d="m12 6-6 6 6 6M19 6l-6 6 6 6" />`,
  faster: html`<path d="m12 6 6 6-6 6M5 6l6 6-6 6" />`,
  today: html`<rect x="4" y="5.5" width="16" height="14.5" rx="3" /><path d="M4 10h16M8.5 3.5v4M15.5 3.5v4" /><path d="m9 14.8 2.2 2.2 4-4.2" />`,
  library: html`<rect x="3.5" y="6.5" width="17" height="13" rx="3" /><path d="M7 3.5h10" /><path d="M10.3 10v6l4.9-3z" fill="currentColor" stroke="none" />`,
  history: html`<path d="M4.5 12A7.5 7.5 0 1 0 7 6.4L4.5 8.7M4.5 4.5v4.2h4.2" /><path d="M12 8v4.3l2.8 1.7" />`,
  progress: html`<path d="M4 19.5h16" /><path d="m5 14.5 4.5-4.5 3.5 3.2L19.5 6M15 5.5h4.8v4.8" />`,
  members: html`<circle cx="9" cy="8" r="3.2" /><path d="M3 19.5c0-3.6 2.5-5.8 6-5.8s6 2.2 6 5.8M15.5 5.2a3.2 3.2 0 0 1 0 5.6M17.6 14.2c2.1.8 3.4 2.6 3.4 5.3" />`,
  compare: html`<rect x="3.5" y="5" width="7" height="14" rx="2" /><rect x="13.5" y="5" width="7" height="14" rx="2" /><path d="M7 12h10" />`,
  account: html`<circle cx="12" cy="8.5" r="3.6" /><path d="M5 20c.4-3.9 3.1-6.2 7-6.2s6.6 2.3 7 6.2" />`,
  admin: html`<path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2.2" /><circle cx="9" cy="17" r="2.2" />`,
  search: html`<circle cx="10.5" cy="10.5" r="6" /><path d="m15 15 5 5" />`,
  start: html`<path d="M6 5v14M19 12H10M13.5 8 9.5 12l4 4" />`,
  end: html`<path d="M18 5v14M5 12h9M10.5 8l4 4-4 4" />`,
  swap: html`<path d="M4 8.5h15M15 4.5l4 4-4 4M20 15.5H5M9 11.5l-4 4 4 4" />`,
  language: html`<circle cx="12" cy="12" r="8.5" /><path d="M3.5 12h17M12 3.5c2.6 2.4 3.8 5.2 3.8 8.5s-1.2 6.1-3.8 8.5c-2.6-2.4-3.8-5.2-3.8-8.5S9.4 5.9 12 3.5z" />`,
  leave: html`<path d="M10 5H6.5a1.5 1.5 0 0 0-1.5 1.5v11A1.5 1.5 0 0 0 6.5 19H10M14.5 8.5 18 12l-3.5 3.5M18 12H9.5" />`,
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    ${PATHS[name]}
  </svg>`;
}
