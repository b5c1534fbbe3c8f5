/** What the audit log says, to the person whom it is about. No DOM, no network. */
import { keys, t } from "./i18n.js";

/** Who did it. An operator has no account; whoever has a sign-in that is not theirs is not known. */
export function actorWords({ action, actor_id: id, actor_name: name }) {
  if (action === "sign_in.reused") return t("audit.somebody");
  return id === null ? t("audit.operator") : (name ?? t("audit.gone"));
}

/** What was done, by its name with `_` for the point. */
const ACTIONS = keys({
  overview_read: "audit.overview",
  results_read: "audit.read",
  results_export: "audit.export",
  plan_assigned: "audit.plan",
  plan_changed: "audit.plan",
  plan_removed: "audit.plan",
  user_added: "audit.account_added",
  role_changed: "audit.role",
  password_changed: "audit.password",
  member_removed: "audit.coaching_ended",
  coach_removed: "audit.coaching_ended",
  call_deleted: "audit.call_deleted",
  call_changed: "audit.call_changed",
  call_corrected: "audit.call_corrected",
  call_ended: "audit.call_ended",
  sign_in_reused: "audit.reused",
  other: "audit.other",
});

/** What was done, within a sentence that begins with who did it. */
export const actionWords = ({ action }) => t(ACTIONS[action.replace(".", "_")] ?? ACTIONS.other);
