#!/usr/bin/env bash
# The Dockerfile's steps without a container engine: a clean directory with just the files that the image copies,
# production dependencies only, an unprivileged user who can write nothing but the data directory, the health check,
# and a clean stop. Needs root (to become that user), network for npm ci, and Node 26 as `node` or in node_modules/.bin.
set -euo pipefail
cd "$(dirname "$0")/../.."

PATH="$PWD/node_modules/.bin:$PATH"
uid=10001
room=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$room"
}
trap finish EXIT
fail() {
  echo "FAILED: $1" >&2
  if [ -f "$room/log" ]; then cat "$room/log" >&2; fi
  exit 1
}

echo "== node"
mkdir -p "$room/bin" "$room/app" "$room/data" "$room/etc"
cp -L "$(command -v node)" "$room/bin/node"
PATH="$room/bin:$PATH"
node --version | grep -q '^v26\.' || fail "node is $(node --version), not 26"

echo "== files that .dockerignore admits"
grep '^!' .dockerignore | cut -c2- | xargs -I{} cp -r {} "$room/app/"

echo "== npm ci --omit=dev --omit=optional"
(cd "$room/app" && npm ci --omit=dev --omit=optional --no-audit --no-fund)
if [ -e "$room/app/node_modules/vitest" ]; then fail 'development dependencies were installed'; fi
if [ -e "$room/app/node_modules/.bin/node" ]; then fail 'optional dependencies were installed'; fi

echo "== serve as uid $uid, sources owned by root"
cat > "$room/etc/archivia.yaml" <<YAML
dataDir: $room/data
imap: { listen: [{ host: 127.0.0.1, port: 21993, tls: implicit }, { host: 127.0.0.1, port: 21143, tls: starttls }] }
smtp: { listen: [{ host: 127.0.0.1, port: 21465, tls: implicit }] }
web: { listen: { host: 127.0.0.1, port: 28443 } }
upstreams: { aruba: { preset: aruba } }
domains: { pec.example.it: aruba }
YAML
chmod 755 "$room"
chmod -R go+rX,go-w "$room/app" "$room/bin" "$room/etc"
chown $uid:$uid "$room/data"
chmod 700 "$room/data"
# To be called in a subshell, which becomes the command.
as_user() {
  cd "$room/app"
  exec setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all --bounding-set=-all \
    env -i PATH="$room/bin" NODE_ENV=production HOME="$room/data" "$@"
}

(as_user node src/cli/main.ts serve --config "$room/etc/archivia.yaml") > "$room/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  if grep -q '"msg":"ready"' "$room/log"; then break; fi
  kill -0 $server 2>/dev/null || fail 'the server ended'
  sleep 0.1
done
grep -q '"msg":"ready"' "$room/log" || fail 'the server is not ready'

echo "== health check"
(as_user node src/cli/main.ts health --config "$room/etc/archivia.yaml") || fail 'health'
curl --silent --show-error --fail --insecure https://127.0.0.1:28443/healthz || fail '/healthz'

echo "== stop"
kill -TERM "$server"
wait "$server" || fail "the server ended with $?"
server=
grep -q '"msg":"stopped"' "$room/log" || fail 'no clean stop'
if (as_user node src/cli/main.ts health --config "$room/etc/archivia.yaml") > /dev/null; then fail 'health of a stopped server'; fi
if [ -n "$(find "$room/app" -newer "$room/etc/archivia.yaml" -user $uid)" ]; then fail 'files were written outside the data directory'; fi
du -sh "$room/app/node_modules" | sed 's/\t.*/ of production dependencies/'
echo "image steps: passed"
