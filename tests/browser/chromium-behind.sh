#!/bin/sh
# Runs the browser $CHROMIUM behind all else that is to be done: a server and its network come first.
# Where Linux shares the processors out among sessions, it is the session that has to stand back; the
# test's driver gives each browser one of its own. CHROMIUM_NICE says how far behind, 15 if nothing does.
behind=${CHROMIUM_NICE:-15}
read -r _ _ _ _ _ session _ <"/proc/$$/stat" 2>/dev/null
if test "$session" = "$$"; then echo "$behind" >"/proc/$$/autogroup"; fi 2>/dev/null
exec nice -n "$behind" "$CHROMIUM" "$@"
