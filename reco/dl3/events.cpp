#include "reco/dl3/events.hpp"

#include "lib/base/error.hpp"

namespace alisio::dl3 {

const std::vector<double>& Events::column(const std::string& name) const {
  if (const auto found = columns.find(name); found != columns.end()) return found->second;
  std::string there;
  for (const auto& [other, values] : columns) there += (there.empty() ? "" : ", ") + other;
  throw Error(ErrorKind::bad_input, "the DL2 table has no column " + name, "columns: " + there,
              "give a DL2 file of dl1-to-dl2 or lstchain");
}

Events Events::select(const std::vector<std::size_t>& rows) const {
  Events out;
  out.n = rows.size();
  for (const auto& [name, values] : columns) {
    std::vector<double>& to = out.columns[name];
    to.reserve(rows.size());
    for (const std::size_t row : rows) to.push_back(values[row]);
  }
  return out;
}

void Events::append(const Events& other) {
  if (n == 0 && columns.empty()) {
    *this = other;
    return;
  }
  if (columns.size() != other.columns.size())
    throw Error(ErrorKind::bug, "tables of events with other columns were appended");
  for (auto& [name, values] : columns) {
    const std::vector<double>& more = other.column(name);
    values.insert(values.end(), more.begin(), more.end());
  }
  n += other.n;
}

}  // namespace alisio::dl3
