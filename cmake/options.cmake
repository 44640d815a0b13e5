# Flags every target of ours is compiled with.
add_library(drst_options INTERFACE)
target_include_directories(drst_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -ffp-contract=off: the same source gives the same numbers whatever the compiler fuses (DESIGN, "two clocks").
target_compile_options(drst_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -ffp-contract=off)
if(DRST_NATIVE)
  target_compile_options(drst_options INTERFACE -march=native)
else()
  target_compile_options(drst_options INTERFACE -march=x86-64-v2)
  target_compile_definitions(drst_options INTERFACE DRST_MULTIVERSION=1)
endif()
if(DRST_SANITIZE)
  target_compile_options(drst_options INTERFACE -fsanitize=${DRST_SANITIZE} -fno-omit-frame-pointer
                                                -fno-sanitize-recover=all)
  target_link_options(drst_options INTERFACE -fsanitize=${DRST_SANITIZE})
endif()
if(DRST_FUZZ)  # rooms too report what a fuzzer's input reaches, or it would search blindly
  target_compile_options(drst_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_compile_definitions(drst_options INTERFACE DRST_VERSION="${PROJECT_VERSION}")
