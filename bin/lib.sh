# shellcheck shell=bash
# What bin/test, bin/soak and bin/bench have in common; sourced by them, run by nobody. Who sources it sets `scratch` to a
# directory of its own before it asks for packages, and defines `clean_up` if it calls `clean_up_at_the_end`.

scratch='' # a directory for this run's small files
child=''   # the running step, leader of its own process group
outcome=0  # of the last step

say() { echo "bin/${0##*/}: $*"; }

give_up() {
    say "$@" >&2
    exit 2
}

# Whatever ends the run.
clean_up_at_the_end() {
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Those of the console, which the caller's shell may have set.
forget_settings() {
    local name
    for name in "${!BILLING_@}"; do unset "$name"; done
}

# rustup's, in a shell older than the installation.
find_cargo() { PATH="$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin"; }

require_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || found=''
    if ! is_recent "$wanted" "$found" && on_debian && install_rust; then
        found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || found=''
    fi
    [[ -n $found ]] || give_up "cargo is missing: install Rust $wanted or newer (https://rustup.rs)"
    is_recent "$wanted" "$found" || give_up "Rust $found is too old: install Rust $wanted or newer"
}

is_recent() { [[ -n $2 ]] && printf '%s\n' "$1" "$2" | sort -VC; }

on_debian() { [[ -f /etc/debian_version ]] && command -v apt-get >/dev/null; }

# Debian's own Rust may be older than ours: its rustup, where it has one, brings the newest.
install_rust() {
    if ! command -v rustup >/dev/null; then
        apt_get update
        apt-cache show rustup >/dev/null 2>&1 || return 1
        apt_get install rustup
    fi
    step "rustup default stable" rustup default stable
}

# What neither root nor sudo can install is told as missing later.
apt_get() {
    local verb=$1 as_root=()
    shift
    if ((EUID != 0)); then
        command -v sudo >/dev/null || return 0
        as_root=(sudo)
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q)
    [[ $verb != install ]] || as_root+=(-y --no-install-recommends)
    step "apt-get $verb $*" "${as_root[@]}" "$verb" "$@"
}

# Each thing is named as its `has_` below.
require_packages() {
    local lacking package what
    [[ -n $(missing "$@") ]] && on_debian && install_packages "$@"
    lacking=$(missing "$@")
    [[ -n $lacking ]] || return 0
    while read -r package what; do
        on_debian && what+=" (Debian's package $package)"
        say "missing: $what: install it and run bin/${0##*/} again" >&2
    done <<<"$lacking"
    exit 2
}

install_packages() {
    local names
    read -r -d '' -a names < <(missing "$@" | cut -d ' ' -f 1) || true
    apt_get update
    apt_get install "${names[@]}"
}

# A line for each package: Debian's name of it, then what it is.
missing() {
    local thing
    for thing; do
        "has_$thing" || case $thing in
            c_compiler) printf '%s\n' "gcc a C compiler" "libc6-dev the C library's headers" ;;
            cpp_compiler) echo "g++ a C++ compiler" ;;
            libpq) echo "libpq-dev PostgreSQL's client library with its headers (libpq)" ;;
            postgres) echo "postgresql PostgreSQL's server (initdb, pg_ctl, postgres)" ;;
            curl) echo "curl curl" ;;
            chromium) echo "chromium Chromium" ;;
            chromedriver) echo "chromium-driver Chromium's WebDriver server (chromedriver)" ;;
            korean_font) echo "fonts-noto-cjk a Korean font" ;;
            java) echo "default-jre-headless Java (java)" ;;
            node) echo "nodejs Node.js (node)" ;;
            newer_node) echo "nodejs Node.js 18.16 or newer (node)" ;;
            npm) echo "npm npm" ;;
            venv) echo "python3-venv Python 3 with venv (python3 -m venv)" ;;
        esac
    done
}

has_c_compiler() { links_c '#include <stdlib.h>'; }

links_c() {
    local declaration=$1
    shift
    printf '%s\nint main(void) { return 0; }\n' "$declaration" | cc -x c - -o "$scratch/probe" "$@" 2>/dev/null
}

has_cpp_compiler() { has_program c++; }

has_program() { command -v "$1" >/dev/null; }

has_libpq() { links_c 'int PQlibVersion(void);' "-L${PQ_LIB_DIR:-$(pg_config --libdir 2>/dev/null)}" -lpq; }

has_postgres() { server_programs >/dev/null; }

# The directory with PostgreSQL's programs: Debian keeps it out of PATH, and PATH may hold only some of them.
server_programs() {
    local directory
    while read -r directory; do
        if [[ -x $directory/initdb && -x $directory/pg_ctl && -x $directory/postgres && -x $directory/pg_isready ]]; then
            echo "$directory"
            return
        fi
    done < <(
        printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr
        pg_config --bindir 2>/dev/null || true
        dirname "$(command -v initdb || true)"
    )
    return 1
}

has_curl() { has_program curl; }

has_chromium() { browser >/dev/null; }

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

has_chromedriver() { has_program chromedriver; }

has_korean_font() { [[ -n $(fc-list :lang=ko family 2>/dev/null) ]]; }

has_java() { has_program java; }

has_node() { has_program node; }

has_newer_node() { has_program node && printf '%s\n' v18.16 "$(node --version)" | sort -VC; }

has_npm() { has_program npm; }

has_venv() { python3 -c 'import venv, ensurepip' 2>/dev/null; }

require_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return
    on_debian || give_up "cargo-nextest is missing: cargo install cargo-nextest --locked"
    step "cargo install cargo-nextest" cargo install cargo-nextest --locked
}

# What the directory's lock pins (and its overrides, where a package asks for the latest of another, which `npm ci` would
# look up); nothing of it runs while it is installed.
require_npm_packages() {
    local lock=$1/package-lock.json installed=$1/node_modules/.package-lock.json
    [[ ! -f $installed || $lock -nt $installed ]] || return 0
    step "npm ci" npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund
}

# What the rest builds on: the run ends if it fails.
step() {
    run "$@"
    ((outcome == 0)) || exit 1
}

# In the background, so that a signal is answered at once, and in a process group that it can reach. No function of
# several commands is run so where `set -e` is ignored, as after `if` or before `||`: it would go on after a failure.
run() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    outcome=0
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || outcome=$?
    child=''
    if ((outcome != 0)); then
        say "failed: $name (status $outcome, $((SECONDS - began)) s)" >&2
    else
        say "$name: $((SECONDS - began)) s"
    fi
}

# A result that is kept does not change what the next part looks at.
this_commit() {
    local changes=''
    [[ -z $(git status --porcelain -- . ':!docs/SOAK.md' ':!docs/PERFORMANCE.md' 2>/dev/null) ]] || changes=' and changes'
    echo "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)$changes"
}

today() { LC_ALL=C date '+%-d %B %Y'; }

# Puts a file's lines in the place of those that stand on a page between two marks.
replace_between() {
    local page=$1 begin=$2 end=$3 lines=$4
    awk -v begin="$begin" -v end="$end" -v lines="$lines" '
        $0 == end { inside = 0 }
        !inside { print }
        $0 == begin { inside = 1; while ((getline line < lines) > 0) print line }
    ' "$page" >"$lines.page"
    mv "$lines.page" "$page"
}

# All that a file or a reader may know of it.
machine() { echo "$(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"; }
