#include "lib/base/interruption.hpp"

#include <atomic>
#include <cstring>
#include <string>

#include "lib/base/error.hpp"

namespace alisio {
namespace {

// A signal handler can reach nothing but objects of static storage.
std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);

void note_signal(int number) {
  received = number;
}

}  // namespace

StopOnSignal::StopOnSignal() {
  received = 0;
  struct sigaction action = {};
  action.sa_handler = note_signal;
  // Reads and writes go on; the next signal of the kind finds the default action.
  action.sa_flags = static_cast<int>(static_cast<unsigned>(SA_RESTART) | SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &old_interrupt_);
  ::sigaction(SIGTERM, &action, &old_terminate_);
}

StopOnSignal::~StopOnSignal() {
  ::sigaction(SIGINT, &old_interrupt_, nullptr);
  ::sigaction(SIGTERM, &old_terminate_, nullptr);
  received = 0;
}

SignalsHeld::SignalsHeld() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

SignalsHeld::~SignalsHeld() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void throw_if_interrupted() {
  if (const int number = received; number != 0)
    throw Error(ErrorKind::interrupted,
                std::string("stopped by signal ") + std::to_string(number) + " (" +
                    strsignal(number) + "); nothing half done is left",
                "", "run it again");
}

}  // namespace alisio
