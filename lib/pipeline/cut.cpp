#include "lib/pipeline/cut.hpp"

#include <charconv>

#include "lib/base/error.hpp"
#include "lib/base/observer.hpp"

namespace alisio::pipeline {

std::int64_t max_events_of(const hdf5::File& product) {
  if (!product.has_attribute("/", max_events_attribute)) return 0;
  const std::string text = product.text_attribute("/", max_events_attribute);
  std::int64_t events = 0;
  std::from_chars(text.data(), text.data() + text.size(), events);
  return events;
}

void inherit_cut(stage::StageRun& run, const hdf5::File& input) {
  if (const std::int64_t events = max_events_of(input); events > 0) run.inherit_cut(events);
}

void inherit_cut(stage::StageRun& run, const std::vector<std::filesystem::path>& joined) {
  std::int64_t events = 0;
  const std::filesystem::path *cut = nullptr, *whole = nullptr;
  for (const std::filesystem::path& input : joined) {
    const std::int64_t own = max_events_of(hdf5::File::open(input));
    (own > 0 ? cut : whole) = &input;
    events += own;
  }
  if (cut == nullptr) return;
  if (whole != nullptr)
    throw Error(ErrorKind::bad_input,
                "is cut by --max-events, " + whole->filename().string() + " is not", cut->string(),
                "make it again without");
  run.inherit_cut(events);
}

}  // namespace alisio::pipeline
