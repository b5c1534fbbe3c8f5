/**
 * The page's views: where each is, who sees it, and its place in the navigation.
 *
 * Addresses are behind the `#`, so that Back and Reload do what one expects. A new view is one line here and one file
 * in `views/`.
 */

/** Who somebody is to this page; `GUEST` is nobody yet. */
export const GUEST = "guest";
export const ROLES = ["member", "coach", "admin"];

const EVERYONE = ROLES;

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/** What may stand for a `:name` in a path. */
const PARAMETERS = {
  id: UUID,
  session: UUID,
  token: "[A-Za-z0-9_-]{16,512}",
};

/**
 * - `name`: what the view is called in code; `address(name)` leads to it.
 * - `paths`: the first is its address, the others lead there too, because links to them exist.
 * - `title`: the key of its name, for the navigation and the window.
 * - `roles`: who sees it. Others are led home: this keeps nothing secret, which is the server's matter.
 * - `nav`: "bar" is always in sight, "menu" is behind the account button, null is only reached by links.
 * - `icon`: with `nav`.
 * - `load`: gets its component. It is given the path's parameters, `library` and `me`.
 *
 * The order is the navigation's. The first in the bar that somebody sees is their home.
 */
export const VIEWS = [
  {
    name: "today",
    paths: ["/today"],
    title: "view.today",
    roles: EVERYONE,
    nav: "bar",
    icon: "today",
    load: async () => (await import("./views/today.js")).Today,
  },
  {
    name: "library",
    paths: ["/library"],
    title: "view.library",
    roles: EVERYONE,
    nav: "bar",
    icon: "library",
    load: async () => (await import("./views/library.js")).Library,
  },
  {
    name: "exercise",
    paths: ["/library/:id"],
    title: "view.exercise",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/exercise.js")).Exercise,
  },
  {
    name: "record",
    paths: ["/record"],
    title: "view.record",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/record.js")).Record,
  },
  {
    name: "session",
    paths: ["/session/:id", "/exercises/:id"],
    title: "view.session",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/session.js")).Session,
  },
  {
    name: "summary",
    paths: ["/summary/:id", "/sessions/:id"],
    title: "view.summary",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/summary.js")).Summary,
  },
  {
    name: "history",
    paths: ["/history", "/sessions"],
    title: "view.history",
    roles: EVERYONE,
    nav: "bar",
    icon: "history",
    load: async () => (await import("./views/history.js")).History,
  },
  {
    name: "progress",
    paths: ["/progress"],
    title: "view.progress",
    roles: EVERYONE,
    nav: "bar",
    icon: "progress",
    load: async () => (await import("./views/progress.js")).Progress,
  },
  {
    name: "members",
    paths: ["/members"],
    title: "view.members",
    roles: ["coach", "admin"],
    nav: "bar",
    icon: "members",
    load: async () => (await import("./views/members.js")).Members,
  },
  {
    name: "member",
    paths: ["/members/:id"],
    title: "view.member",
    roles: ["coach", "admin"],
    nav: null,
    load: async () => (await import("./views/member.js")).Member,
  },
  {
    name: "memberSession",
    paths: ["/members/:id/sessions/:session"],
    title: "view.summary",
    roles: ["coach", "admin"],
    nav: null,
    load: async () => (await import("./views/member-session.js")).MemberSession,
  },
  {
    name: "calls",
    paths: ["/calls"],
    title: "view.calls",
    roles: EVERYONE,
    nav: "bar",
    icon: "calls",
    load: async () => (await import("./views/calls.js")).Calls,
  },
  {
    name: "callRecord",
    paths: ["/calls/:id"],
    title: "view.call_record",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/call-record.js")).CallRecord,
  },
  {
    name: "callSession",
    paths: ["/calls/:id/sessions/:session"],
    title: "view.summary",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/call-session.js")).CallSession,
  },
  {
    name: "call",
    paths: ["/call/:id"],
    title: "view.call",
    roles: EVERYONE,
    nav: null,
    load: async () => (await import("./views/call.js")).Call,
  },
  {
    name: "compare",
    paths: ["/compare"],
    title: "view.compare",
    roles: EVERYONE,
    nav: "menu",
    icon: "compare",
    load: async () => (await import("./views/compare.js")).Compare,
  },
  {
    name: "account",
    paths: ["/account"],
    title: "view.account",
    roles: EVERYONE,
    nav: "menu",
    icon: "account",
    load: async () => (await import("./views/account.js")).Account,
  },
  {
    name: "admin",
    paths: ["/admin"],
    title: "view.admin",
    roles: ["admin"],
    nav: "menu",
    icon: "admin",
    load: async () => (await import("./views/admin.js")).Admin,
  },
  {
    name: "invite",
    paths: ["/invite/:token"],
    title: "view.invite",
    roles: [GUEST, ...EVERYONE],
    nav: null,
    load: async () => (await import("./views/invite.js")).Invite,
  },
  {
    name: "join",
    paths: ["/join/:token"],
    title: "view.join",
    roles: [GUEST, ...EVERYONE],
    nav: null,
    load: async () => (await import("./views/join.js")).Join,
  },
];

export const HOME = "#/";

/** The address of a view: `address("summary", { id })` is "#/summary/3f0c…". */
export function address(name, parameters = {}) {
  const { paths } = VIEWS.find((view) => view.name === name);
  return `#${paths[0].replace(/:(\w+)/g, (_, parameter) => parameters[parameter])}`;
}

/** What `role` finds in one place of the navigation, "bar" or "menu". */
export const navigation = (role, place) =>
  VIEWS.filter(({ nav, roles }) => nav === place && roles.includes(role));

const pattern = (path) =>
  new RegExp(`^#${path.replace(/:(\w+)/g, (_, parameter) => `(?<${parameter}>${PARAMETERS[parameter]})`)}$`);

/**
 * `location.hash` as `{view, parameters}` for somebody in `role`.
 *
 * What nobody made, or is not for them, is their home; null where they have none.
 */
export function parseRoute(hash, role) {
  for (const view of VIEWS) {
    if (!view.roles.includes(role)) continue;
    for (const path of view.paths) {
      const found = pattern(path).exec(hash);
      if (found) return { view, parameters: { ...found.groups } };
    }
  }
  const [home = null] = navigation(role, "bar");
  return home && { view: home, parameters: {} };
}
