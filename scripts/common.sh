# Sourced by the scripts here: messages, and what this machine can do.

repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
jobs="$(nproc)"

say() { printf '\n== %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# Why /dev/fuse cannot be used here, on stdout; nothing when it can.
fuse_obstacle() {
  if [[ ! -c /dev/fuse ]]; then
    echo "there is no /dev/fuse (modprobe fuse, or give the container --device /dev/fuse)"
  elif ! (exec 9<>/dev/fuse) 2>/dev/null; then
    echo "/dev/fuse cannot be opened for reading and writing by user $(id -un)"
  elif [[ $(id -u) == 0 ]]; then
    unshare --mount true 2>/dev/null || echo "root may not mount here (the container lacks CAP_SYS_ADMIN)"
  elif ! command -v fusermount3 >/dev/null; then
    echo "fusermount3 is not installed (scripts/install-deps)"
  fi
}

# configure PRESET [cmake arguments]: with ccache where there is one.
configure() {
  local preset="$1"
  shift
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -S "$repo" --preset "$preset" --log-level=WARNING "${launcher[@]}" "$@"
}
