#!/bin/sh
# Install what the tests in a browser need, as far as this machine allows, and say what is missing.
# Those tests skip where it is, so this never fails.
cd "$(dirname "$0")" || exit

have() { command -v "$1" >/dev/null 2>&1; }
missing() { echo "make browser: $*" >&2; }

may_install() { have apt-get && [ "$(id -u)" = 0 ]; }
install() { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@"; }

if ! have chromedriver || ! { have chromium || have google-chrome; }; then
    if ! may_install; then
        missing "no browser. As root: apt-get install chromium chromium-driver"
    elif ! install chromium chromium-driver; then
        missing "apt-get did not install chromium and chromium-driver."
    fi
fi

if ! have npm && may_install; then
    install npm || missing "apt-get did not install npm."
fi
if ! have npm; then
    missing "no npm, and so no axe-core, which judges accessibility. As root: apt-get install npm"
elif ! npm ls --silent >/dev/null 2>&1 && ! npm ci --no-audit --no-fund --silent; then
    missing "npm did not install axe-core, which judges accessibility."
fi
exit 0
