# Registers each suite of a GoogleTest binary as one test of ctest: a process for every case costs more than most cases.
# After the link: cmake -DBINARY= -DOUTPUT= -DPREFIX= -DTIMEOUT= -DLABEL= -P suites.cmake writes OUTPUT, which ctest reads.
execute_process(COMMAND "${BINARY}" --gtest_list_tests OUTPUT_VARIABLE list RESULT_VARIABLE failed TIMEOUT 60)
if(failed)
  message(FATAL_ERROR "${BINARY} --gtest_list_tests: ${failed}\n${list}")
endif()
string(REGEX REPLACE "[[;]" "_" list "${list}")  # of parameters; they mean something in a list
string(REPLACE "\n" ";" lines "${list}")
set(tests "")
foreach(line IN LISTS lines)
  if(line MATCHES "^([^ ]+)\\.( |$)")
    set(suite "${CMAKE_MATCH_1}")
    string(APPEND tests "add_test([=[${PREFIX}${suite}]=] [=[${BINARY}]=] [=[--gtest_filter=${suite}.*]=] --gtest_brief=1)\n"
                        "set_tests_properties([=[${PREFIX}${suite}]=] PROPERTIES TIMEOUT ${TIMEOUT} LABELS ${LABEL})\n")
  endif()
endforeach()
if(NOT tests)
  message(FATAL_ERROR "${BINARY} --gtest_list_tests names no suite:\n${list}")
endif()
file(WRITE "${OUTPUT}" "${tests}")
