#pragma once
#include <filesystem>
#include <mutex>
#include <string>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/handle.hpp"

/// Shared by the sources of this folder only.
namespace alisio::hdf5 {

struct File::State {
  std::filesystem::path path;
  Handle file;
  bool writing = false;

  /// Return HDF5's identifier, with the library made ready on the calling thread.
  [[nodiscard]] hid_t id() const {
    prepare_library();
    return file.get();
  }

  /// Return what a failed call means for the user of this file.
  [[nodiscard]] Error failure(const std::string& what, const std::string& object) const {
    const std::string where = path.string() + (object.empty() ? "" : ":" + object);
    const std::string cause = last_hdf5_error();
    if (writing) return Error(ErrorKind::resource, what + ": " + cause, where, "is the disk full?");
    return Error(ErrorKind::bad_input, what + ": " + cause, where,
                 "is it the right file, and whole?");
  }
};

/// Return the lock of what copies objects and of what keeps datasets open meanwhile. H5Ocopy of
/// HDF5 1.10 damages the heap if a chunk that it copies lies in the cache of the open dataset, and
/// the hashing of inputs reads the same file beside a stage.
[[nodiscard]] std::mutex& object_copy_mutex();

/// Return creation properties that store no object times, so that equal content is equal bytes.
[[nodiscard]] Handle timeless(hid_t property_class);

/// Write one attribute on an open object.
void write_attribute_to(hid_t object, const std::string& name, const AttributeValue& value,
                        TextForm form, const File::State& state, const std::string& where);

}  // namespace alisio::hdf5
