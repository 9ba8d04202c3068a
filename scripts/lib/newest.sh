# The suites with the newest versions that the ranges of pyproject.toml allow, in place of the lock's. Sourced by
# scripts/test for --newest, after setup.sh. It tells what the next `scripts/lock --upgrade` brings; CI does not need it.
# shellcheck shell=bash disable=SC2154  # the names of setup.sh

test_newest() {
  local newest=$root/.venv-newest failed=() other suites
  log=$(mktemp)
  say "installing the newest versions into .venv-newest (a minute or two)"
  rm -rf "$newest"
  "$venv/bin/python" -m venv "$newest"
  patiently "$log" pip_for "$newest/bin/python" install --editable "${root}[demo,dev]" || pip_failed
  rm -f "$log"
  echo "other versions than in the lock (< the lock, > the newest)"
  other=$(diff <(versions_in "$venv") <(versions_in "$newest") | grep '^[<>]' || true)
  echo "${other:-none}"
  (cd "$root" && "$newest/bin/mypy") || failed+=("types")
  # All that the libraries we call can break; sound cards and the browser are the system's.
  for suites in "tests/unit tests/walks tests/flows tests/house" tests/wire; do
    # shellcheck disable=SC2086  # several words
    (cd "$root" && "$newest/bin/python" -m pytest -q -p no:cacheprovider "${side_by_side[@]}" $suites) || failed+=("$suites")
  done
  ((${#failed[@]} == 0)) || { echo "failed with the newest versions: ${failed[*]}"; exit 1; }
  echo "the newest versions pass"
}

# What builds packages differs for no reason that matters: pip fetches that by itself, elsewhere.
versions_in() {
  "$1/bin/python" -m pip --disable-pip-version-check list --format freeze 2>/dev/null |
    grep -vE "^($(sed -n 's/==.*//p' "$locks/build.txt" | paste -sd'|')|pip)==" | sort -f
}
