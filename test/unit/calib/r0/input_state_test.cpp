#include "calib/r0/input_state.hpp"

#include <gtest/gtest.h>

#include "calib/r0/r0_source.hpp"

namespace alisio::calib {
namespace {

TEST(InputState, IsToldInWords) {
  InputState state;
  EXPECT_EQ(to_string(state), "ProtoR1, raw");
  state.r1v1 = true;
  state.gain_selected = true;
  state.default_actions = preprocessing::baseline_subtraction | preprocessing::spikes;
  EXPECT_EQ(to_string(state),
            "R1v1, gain-selected (R0G); done by the event builder: baseline, spikes");
  state.volume_reduced = true;
  state.actions_of_trigger[1] = state.default_actions;
  state.actions_of_trigger[4] = 0;
  EXPECT_EQ(to_string(state),
            "R1v1, volume-reduced (R0V); done by the event builder: baseline, spikes; "
            "calibration: nothing");
}

}  // namespace
}  // namespace alisio::calib
