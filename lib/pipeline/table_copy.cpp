#include "lib/pipeline/table_copy.hpp"

#include <algorithm>

namespace alisio::pipeline {
namespace {

void copy_members(const hdf5::File& source, hdf5::File& target, const std::string& group,
                  const std::vector<std::string>& left_out) {
  for (const std::string& name : source.members(group.empty() ? "/" : group)) {
    const std::string path = group + "/" + name;
    if (std::ranges::find(left_out, path) != left_out.end()) continue;
    const bool holds_left_out = std::ranges::any_of(
        left_out, [&](const std::string& object) { return object.starts_with(path + "/"); });
    if (!holds_left_out) {
      source.copy_to(target, path);
      continue;
    }
    target.create_group(path);
    copy_members(source, target, path, left_out);
  }
}

}  // namespace

void copy_except(const hdf5::File& source, hdf5::File& target,
                 const std::vector<std::string>& left_out) {
  copy_members(source, target, "", left_out);
}

hdf5::ColumnSpec spec_of(const hdf5::ColumnInfo& column,
                         const std::vector<hdf5::ColumnSpec>& known) {
  hdf5::ColumnSpec spec;
  const auto found = std::ranges::find(known, column.name, &hdf5::ColumnSpec::name);
  if (found != known.end()) {
    spec = *found;
  } else {
    spec.name = column.name;
    if (!column.unit.empty()) {
      spec.transform = hdf5::Transform::quantity;
      spec.unit = column.unit;
    }
  }
  spec.type = column.type;
  spec.shape = column.shape;
  if (column.type == hdf5::ScalarType::text) spec.text_size = column.item_bytes;
  return spec;
}

}  // namespace alisio::pipeline
