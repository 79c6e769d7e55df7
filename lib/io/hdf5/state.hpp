#pragma once
#include <cstdint>
#include <filesystem>
#include <new>
#include <shared_mutex>
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

  /// Open a dataset; the handle is empty if there is none. HDF5 takes as many bytes out of a
  /// decoded chunk as the shape of the chunks says, whatever the filter gave: a shape that does not
  /// agree with what Blosc was told of it would be read past its end.
  /// @throws Error(bad_input) for such a shape.
  [[nodiscard]] Handle open_dataset(const std::string& object) const;

  /// Return what a failed call means for the user of this file.
  [[nodiscard]] Error failure(const std::string& what, const std::string& object) const {
    const std::string where = path.string() + (object.empty() ? "" : ":" + object);
    const std::string cause = last_hdf5_error();
    if (writing) return Error(ErrorKind::resource, what + ": " + cause, where, "is the disk full?");
    return Error(ErrorKind::bad_input, what + ": " + cause, where,
                 "is it the right file, and whole?");
  }
};

/// Make room for `rows` rows of `row_bytes` each. What a damaged file says of its sizes must end
/// with its name, not with the want of memory. @throws Error(bad_input) naming the object.
template <typename Buffer>
void make_room(Buffer& buffer, std::uint64_t rows, std::uint64_t row_bytes,
               const std::string& where) {
  constexpr std::uint64_t plausible_bytes = std::uint64_t{1} << 36;
  if (row_bytes > 0 && rows > plausible_bytes / row_bytes)
    throw Error(ErrorKind::bad_input,
                "says that it holds " + std::to_string(rows) + " rows of " +
                    std::to_string(row_bytes) + " bytes",
                where, "it is damaged: make or copy it again");
  try {
    buffer.resize(rows * row_bytes);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::resource,
                "there is no memory for " + std::to_string(rows) + " rows of " +
                    std::to_string(row_bytes) + " bytes",
                where, "is the file whole?");
  }
}

/// Return the lock of what copies objects, alone, and of those who keep datasets open. H5Ocopy of
/// HDF5 1.10 damages the heap if a chunk that it copies lies in the cache of the open dataset, and
/// the hashing of inputs reads the same file beside a stage.
[[nodiscard]] std::shared_mutex& object_copy_mutex();

/// Return creation properties that store no object times, so that equal content is equal bytes.
[[nodiscard]] Handle timeless(hid_t property_class);

/// Write one attribute on an open object.
void write_attribute_to(hid_t object, const std::string& name, const AttributeValue& value,
                        TextForm form, const File::State& state, const std::string& where);

}  // namespace alisio::hdf5
