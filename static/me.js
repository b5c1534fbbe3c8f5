/** Who is signed in, and what they may see. */
import { getMe, session } from "./api.js";
import { useEffect, useState } from "./preact.js";
import { ROLES } from "./routes.js";

/** The least that everybody is; a server that tells no role means it. */
const LEAST = "member";

/** `{id, name, role, …}` as the server tells it; null until it has answered. */
export function useMe() {
  const [me, setMe] = useState(null);
  useEffect(() => {
    const leaving = new AbortController();
    getMe(leaving.signal).then(
      (found) => setMe({ ...found, role: ROLES.includes(found.role) ? found.role : LEAST }),
      // Without an answer each view tells by itself what is wrong.
      () => leaving.signal.aborted || setMe({ id: null, name: session.name, role: LEAST }),
    );
    return () => leaving.abort();
  }, []);
  return me;
}
