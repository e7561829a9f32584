# Adds up what cargo's test runner and the browser tests wrote: what was run, and how many passed, failed, were skipped.
# `code` is the exit code of the run.

/^test result: / && !browser { runs++; cargo += $4 + $6; passed += $4; failed += $6; skipped += $8 }
/^browser tests$/ { browser = 1 }
browser && /^ok    / { pages++; passed++ }
browser && /^FAILED / { pages++; failed++ }

END {
  printf "\ntests/run: %d tests of cargo in %d runs, ", cargo, runs
  printf browser ? pages " browser tests" : "the browser tests were skipped"
  print "; not part of it: tests/fuzz/run, tests/million, tests/soak, tests/upgrades"
  # A suite that crashed or was not built is counted nowhere.
  if (code != 0 && failed == 0) print "tests/run: something else than a test failed (exit code " code "), see above"
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}
