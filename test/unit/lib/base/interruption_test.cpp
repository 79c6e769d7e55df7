#include "lib/base/interruption.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "lib/base/error.hpp"

namespace alisio {
namespace {

TEST(StopOnSignal, AsksToStopAtTheNextStep) {
  const StopOnSignal stop;
  EXPECT_NO_THROW(throw_if_interrupted());
  ::raise(SIGTERM);
  EXPECT_THROW(throw_if_interrupted(), Error);
}

TEST(SignalsHeld, StrikeAfterwards) {
  const StopOnSignal stop;
  {
    const SignalsHeld held;
    ::raise(SIGTERM);
    ::raise(SIGINT);
    EXPECT_NO_THROW(throw_if_interrupted());
  }
  EXPECT_THROW(throw_if_interrupted(), Error);
}

TEST(SignalsHeld, MayStandWithinAnother) {
  const StopOnSignal stop;
  const SignalsHeld outer;
  {
    const SignalsHeld inner;
    ::raise(SIGTERM);
  }
  EXPECT_NO_THROW(throw_if_interrupted());
}

}  // namespace
}  // namespace alisio
