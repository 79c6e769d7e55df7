#include "lib/io/text/row_part.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio::text {
namespace {

constexpr std::string_view part_word = "rows ";

}  // namespace

std::string row_part(const std::vector<RunSummaryRow>& rows, std::int64_t run) {
  const std::optional<RunSummaryRow> row = find_run(rows, run);
  return fmt::format("{}{} {}", part_word, run,
                     row ? hash_text(fmt::format("{} {} {}", row->dragon_reference_time,
                                                 row->dragon_reference_module_index,
                                                 row->dragon_reference_counter))
                         : "none");
}

std::string row_part_like(const std::vector<RunSummaryRow>& rows, const std::string& other) {
  std::istringstream words(other);
  std::string word;
  std::int64_t run = 0;
  if (!(words >> word >> run)) throw Error(ErrorKind::bug, "is no part of a run summary", other);
  return row_part(rows, run);
}

bool is_row_part(const std::string& text) {
  return text.starts_with(part_word);
}

}  // namespace alisio::text
