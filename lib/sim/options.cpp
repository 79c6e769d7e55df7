#include "lib/sim/options.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"

namespace alisio::sim {
namespace {

constexpr std::array all_faults = {
    Fault::lamp_off,        Fault::few_events,          Fault::dead_pixel,
    Fault::dead_pixels,     Fault::mistagged_pedestals, Fault::ucts_jumps,
    Fault::missing_modules, Fault::missing_stream};

}  // namespace

const char* to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::lamp_off:
      return "lamp-off";
    case Fault::few_events:
      return "few-events";
    case Fault::dead_pixel:
      return "dead-pixel";
    case Fault::dead_pixels:
      return "dead-pixels";
    case Fault::mistagged_pedestals:
      return "mistagged-pedestals";
    case Fault::ucts_jumps:
      return "ucts-jumps";
    case Fault::missing_modules:
      return "missing-modules";
    case Fault::missing_stream:
      return "missing-stream";
  }
  return "";
}

RunFault RunFault::parse(std::string_view text) {
  RunFault result;
  const std::size_t equals = text.find('=');
  const char* end = text.data() + std::min(equals, text.size());
  const auto [stop, failure] = std::from_chars(text.data(), end, result.run);
  if (equals == std::string_view::npos || failure != std::errc() || stop != end)
    throw Error(ErrorKind::usage, fmt::format("'{}' is not of the form RUN=FAULT", text), "--fault",
                "write for example 11219=lamp-off");
  const std::string_view name = text.substr(equals + 1);
  std::vector<std::string> known;
  for (const Fault fault : all_faults) {
    if (name == to_string(fault)) {
      result.fault = fault;
      return result;
    }
    known.emplace_back(to_string(fault));
  }
  throw Error(ErrorKind::usage, fmt::format("unknown fault '{}'", name), "--fault",
              suggestion(name, known));
}

}  // namespace alisio::sim
