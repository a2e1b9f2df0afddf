#!/bin/sh
# Makes .venv with everything locked, and the console's page. Does nothing where nothing changed.
# As root it installs the system packages that are missing; otherwise it prints the line to type.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

needs_test=no
[ "${1:-}" = "--with-test-programs" ] && needs_test=yes

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$(command -v "$candidate")
        break
    fi
done

missing=
[ -n "$python" ] || missing="$missing python3"
{ [ -n "$python" ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; } || missing="$missing python3-venv"
if [ "$needs_test" = yes ] || [ "$(id -u)" = 0 ]; then
    command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
    command -v ffmpeg >/dev/null 2>&1 || missing="$missing ffmpeg"
    # Renders the words of terminals that only play; without it they get none, and say so.
    command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
    ls /usr/share/fonts/*/*/wqy-* >/dev/null 2>&1 || ls /usr/share/fonts/*/noto/*CJK* >/dev/null 2>&1 || missing="$missing fonts-wqy-zenhei"
    # Ubuntu's chromium package only points to a snap; there the test suite's own browser serves.
    if ! command -v chromium >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
        . /etc/os-release
        [ "${ID:-}" = ubuntu ] || missing="$missing chromium"
    fi
fi
if [ "$needs_test" = yes ]; then
    command -v victoria-metrics >/dev/null 2>&1 || missing="$missing victoria-metrics"
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
fi
if [ "$needs_test" = yes ]; then
    # Foreign programs at the other end of RTSP: a server, and a player.
    command -v vlc >/dev/null 2>&1 || missing="$missing vlc-bin vlc-plugin-base"
    command -v gst-launch-1.0 >/dev/null 2>&1 || missing="$missing gstreamer1.0-tools gstreamer1.0-plugins-good"
fi
if [ -n "$missing" ]; then
    line="apt-get update && apt-get install -y --no-install-recommends$missing"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
        python=${python:-$(command -v python3)}
    else
        say "the system lacks$missing. Type this, then try again:"
        printf "sudo sh -c '%s'\n" "$line" >&2
        exit 2
    fi
fi

stamp=.venv/.locked
if [ ! -e "$stamp" ] || ! cmp -s locks/requirements.txt "$stamp" || [ pyproject.toml -nt "$stamp" ]; then
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    say "installing locked packages into .venv (one to two minutes)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/requirements.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    cp locks/requirements.txt "$stamp"
fi

PATH="$PWD/.venv/bin:$PATH"
export PATH
if [ ! -e console/static/index.html ] ||
    [ -n "$(find console/web console/catalogue -path console/web/node_modules -prune -o -type f -newer console/static/index.html -print | head -n 1)" ]; then
    say "building the console's page"
    # Kept apart, so that a changed lock file alone triggers a new installation.
    if ! cmp -s console/web/package-lock.json console/web/node_modules/.locked 2>/dev/null; then
        npm ci --prefix console/web --silent --no-audit --no-fund
        cp console/web/package-lock.json console/web/node_modules/.locked
    fi
    npm run build --prefix console/web --silent >/dev/null
fi

if [ "$needs_test" = yes ] && ! command -v chromium >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
    .venv/bin/playwright install chromium >&2
fi
