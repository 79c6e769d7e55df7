# Written at build time, and only when it changes, so that a commit rebuilds one small file.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE_DIR}
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
endif()
execute_process(COMMAND git status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE_DIR}
                OUTPUT_VARIABLE changes OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(dirty 0)
if(changes)
  set(dirty 1)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "#pragma once
#define ALISIO_VERSION \"${VERSION}\"
#define ALISIO_COMMIT \"${commit}\"
#define ALISIO_DIRTY ${dirty}
#define ALISIO_COMPILER \"${COMPILER}\"
#define ALISIO_BUILD_TYPE \"${BUILD_TYPE}\"
#define ALISIO_FLAGS \"${FLAGS}\"
")
