#include "lib/base/shared_library.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lib/base/error.hpp"

namespace alisio {
namespace {

TEST(SharedLibrary, FindsAFunctionOfALibrary) {
  const SharedLibrary library("libm.so.6", "the mathematical library", "install it");
  double (*hypotenuse)(double, double) = nullptr;
  library.find("hypot", hypotenuse);
  EXPECT_EQ(hypotenuse(3, 4), 5);
}

TEST(SharedLibrary, SaysWhatIsMissingAndWhatToDo) {
  try {
    const SharedLibrary library("libthere-is-none.so.7", "the library that does it", "install it");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::configuration);
    EXPECT_STREQ(e.what(),
                 "libthere-is-none.so.7: the library that does it cannot be loaded (install it)");
  }
  const SharedLibrary library("libm.so.6", "the mathematical library", "install a later one");
  void (*function)() = nullptr;
  try {
    library.find("alisio_has_no_such_function", function);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "libm.so.6: there is no function alisio_has_no_such_function in it "
                 "(install a later one)");
  }
}

}  // namespace
}  // namespace alisio
