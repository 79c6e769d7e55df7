# The two kinds of target that every folder uses, so that flags are said once.

add_library(alisio_options INTERFACE)
target_compile_features(alisio_options INTERFACE cxx_std_20)
target_include_directories(alisio_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/alisio>)
# No -ffast-math: NaN and the order of sums carry meaning here. No -march=native: a package must run
# on every node of a site; kernels pick their instruction set when the program starts.
# -ffp-contract=off: a fused multiply-add would change last digits from one machine to another.
# The sanitizer build takes half the time with -O1, and line numbers are all that its reports need.
target_compile_options(alisio_options INTERFACE
  $<BUILD_INTERFACE:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor;-Wold-style-cast;-Woverloaded-virtual>
  $<BUILD_INTERFACE:-ffp-contract=off>
  $<BUILD_INTERFACE:$<$<BOOL:${ALISIO_WARNINGS_AS_ERRORS}>:-Werror>>
  $<$<BOOL:${ALISIO_SANITIZE}>:-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g1>)
target_link_options(alisio_options INTERFACE
  $<$<BOOL:${ALISIO_SANITIZE}>:-fsanitize=address,undefined>)

# alisio_library(NAME [DEPS target...]): all *.cpp of the calling folder as alisio::NAME.
function(alisio_library name)
  cmake_parse_arguments(arg "" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(sources)
    add_library(alisio_${name} STATIC ${sources})
    target_link_libraries(alisio_${name} PUBLIC alisio_options ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
  else()
    add_library(alisio_${name} INTERFACE)
    target_link_libraries(alisio_${name} INTERFACE alisio_options ${arg_DEPS})
  endif()
  add_library(alisio::${name} ALIAS alisio_${name})
endfunction()

# alisio_unit_tests(NAME [DEPS target...]): all *_test.cpp of the calling folder as one program test_NAME.
function(alisio_unit_tests name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE ${arg_DEPS} GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE
    ALISIO_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ALISIO_TEST_DATA="${PROJECT_SOURCE_DIR}/test/data")
  include(GoogleTest)
  gtest_discover_tests(test_${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
