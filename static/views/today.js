/** The person's day: what is planned, how much of it is done, and the way to begin. */
import { ExerciseCard, Thumbnail } from "../components/exercise-card.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { NextCall } from "../components/next-call.js";
import { Page, PageHead } from "../components/page.js";
import { dayWords } from "../days.js";
import { doneShare, doneWords, kindWords } from "../exercise-words.js";
import { capital, t } from "../i18n.js";
import { pictureOf } from "../library.js";
import { Loaded } from "../loading.js";
import { useToday } from "../plan.js";
import { html, useEffect } from "../preact.js";
import { address } from "../routes.js";

/** Exercises of the library that are offered on a day without a plan. */
const OFFERED = 3;

export function Today({ library }) {
  const today = useToday();
  const planned = today.value !== null && today.value.items.length > 0;
  return html`<${Page} kind="page today-page">
    ${(today.value === null || planned) && html`<${Head} today=${today.value} />`}
    <${NextCall} />
    <${Loaded} loaded=${today}>
      ${({ items }) =>
        items.length > 0
          ? html`<ol class="plan">
              ${items.map((item) => html`<${Item} key=${item.assignment.id} item=${item} />`)}
            </ol>
            <p><a class="button" href=${address("library")}><${Icon} name="library" />${t("today.more")}</a></p>`
          : html`<${Free} library=${library} />`}
    <//>
  <//>`;
}

function Head({ today }) {
  if (today === null) return html`<${PageHead} title=${t("view.today")} />`;
  const { items } = today;
  const done = items.filter(({ completed }) => completed).length;
  const day = capital(dayWords(today.date, { weekday: "long", day: "numeric", month: "long" }));
  const all = done === items.length;
  return html`<${PageHead} title=${t("view.today")} says=${day}>
    <p class=${all ? "today-count all" : "today-count"}>
      ${all && html`<${Icon} name="good" />`}
      ${all ? t("today.all_done") : t("today.count", { count: items.length, done })}
    </p>
  <//>`;
}

function Item({ item }) {
  const { assignment, completed } = item;
  const { exercise, coach, note } = assignment;
  const share = doneShare(item);
  const words = doneWords(item);
  return html`<li class=${completed ? "plan-item completed" : "plan-item"}>
    <${Thumbnail} path=${pictureOf(exercise)} />
    <div class="plan-words">
      <h2>${exercise.name}</h2>
      <p class="muted">${kindWords(exercise.kind)} · ${t("library.from", { name: coach.name })}</p>
      ${note !== "" && html`<p class="plan-note">${note}</p>`}
      <div class="plan-done">
        ${share !== null &&
        html`<div class="track" aria-hidden="true"><div class="fill" style=${{ width: `${share * 100}%` }}></div></div>`}
        <p>
          ${completed && html`<strong class="plan-tick"><${Icon} name="good" />${t("today.completed")}</strong>`}
          <span class="number">${words}</span>
        </p>
      </div>
    </div>
    <a
      class=${completed ? "button" : "button primary big"}
      href=${address("session", { id: exercise.id })}
      aria-label=${t(completed ? "today.again_one" : "today.start_one", { name: exercise.name })}
    >
      <${Icon} name=${completed ? "again" : "play"} />${t(completed ? "summary.again" : "ready.start")}
    </a>
  </li>`;
}

/** A day without a plan: the library, then. */
function Free({ library }) {
  useEffect(() => void library.reload(), []);
  const ready = (library.exercises ?? []).filter(({ state }) => state === "ready");
  const none = library.exercises?.length === 0;
  return html`<section class="empty">
      <${Figures} />
      <h1>${t("today.free.title")}</h1>
      <p>${t(none ? "today.free.none" : "today.free.text")}</p>
      <div class="actions">
        <a class="button primary" href=${address("library")}><${Icon} name="library" />${t("today.free.library")}</a>
        <a class="button" href=${address("record")}><${Icon} name="camera" />${t("library.empty.record")}</a>
      </div>
    </section>
    ${ready.length > 0 &&
    html`<section>
      <h2 class="cards-title">${t("today.free.offered")}</h2>
      <ul class="cards">
        ${ready.slice(0, OFFERED).map((exercise) => html`<${ExerciseCard} key=${exercise.id} exercise=${exercise} />`)}
      </ul>
    </section>`}`;
}
