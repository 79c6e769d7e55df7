#pragma once
#include <csignal>

namespace alisio {

/// While it lives, SIGINT and SIGTERM ask the program to stop at the next throw_if_interrupted()
/// instead of ending it, so that nothing is left half written. A second signal ends it at once.
/// Signals belong to the process: make one at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  /// Give the signals back to whom they belonged to.
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  struct sigaction old_interrupt_ = {}, old_terminate_ = {};
};

/// While it lives, SIGINT, SIGTERM and SIGHUP wait: for a few steps that belong together, are soon
/// done and would leave a file half written. What came strikes afterwards. Threads that were there
/// before are not covered.
class SignalsHeld {
 public:
  SignalsHeld();
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_ = {};
};

/// Ask the current StopOnSignal whether to go on; cheap enough to be called for every block of
/// events. Without one it never throws. @throws Error(interrupted) naming the signal.
void throw_if_interrupted();

}  // namespace alisio
