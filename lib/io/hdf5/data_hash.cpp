#include "lib/io/hdf5/data_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <limits>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "lib/base/hash.hpp"
#include "lib/base/large_vector.hpp"
#include "lib/io/hdf5/chunk_reader.hpp"
#include "lib/io/hdf5/state.hpp"

namespace alisio::hdf5 {
namespace {

constexpr const char* volatile_group = "/provenance";
constexpr std::size_t read_bytes = std::size_t{4} << 20;

/// Describe a type by what its values mean, independent of HDF5's own encoding.
std::string type_text(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_2 ? 'i' : 'u', H5Tget_size(type));
    case H5T_FLOAT:
      return fmt::format("f{}", H5Tget_size(type));
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0 ? "text" : fmt::format("S{}", H5Tget_size(type));
    case H5T_BITFIELD:
      return fmt::format("b{}", H5Tget_size(type));
    case H5T_ENUM:
      return fmt::format("e{}", H5Tget_size(type));
    case H5T_ARRAY: {
      std::vector<hsize_t> sizes(std::size_t(H5Tget_array_ndims(type)));
      H5Tget_array_dims2(type, sizes.data());
      const Handle item(H5Tget_super(type));
      std::string text = type_text(item.get());
      for (const hsize_t size : sizes) text += fmt::format("[{}]", size);
      return text;
    }
    case H5T_COMPOUND: {
      std::string text = "{";
      for (int i = 0; i < H5Tget_nmembers(type); ++i) {
        char* name = H5Tget_member_name(type, unsigned(i));
        const Handle member(H5Tget_member_type(type, unsigned(i)));
        text += fmt::format("{}:{},", name, type_text(member.get()));
        H5free_memory(name);
      }
      return text + "}";
    }
    default:
      return "other";
  }
}

bool holds_variable_text(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND) return H5Tis_variable_str(type) > 0;
  for (int i = 0; i < H5Tget_nmembers(type); ++i)
    if (holds_variable_text(Handle(H5Tget_member_type(type, unsigned(i))).get())) return true;
  return false;
}

/// Hash an array of texts of variable length, each with its length before it.
void hash_texts(const File::State& state, const std::string& path, hid_t dataset, Hasher& hasher) {
  const Handle space(H5Dget_space(dataset));
  const Handle type(H5Dget_type(dataset));
  std::vector<char*> texts;
  make_room(texts, std::uint64_t(H5Sget_simple_extent_npoints(space.get())), 1,
            state.path.string() + ":" + path);
  if (H5Dread(dataset, type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0)
    throw state.failure("cannot be decoded", path);
  for (const char* text : texts) {
    const std::string_view held = text == nullptr ? std::string_view() : text;
    hasher.update(fmt::format("{} ", held.size()));
    hasher.update(held);
  }
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, texts.data());
}

/// Whether the members of a compound type lie inside of it, each to its end, as HDF5 itself does
/// not check: a damaged file can say otherwise, and reading by such a type goes astray.
bool members_fit(hid_t type) {
  if (H5Tget_class(type) == H5T_ARRAY) return members_fit(Handle(H5Tget_super(type)).get());
  if (H5Tget_class(type) != H5T_COMPOUND) return true;
  const std::size_t size = H5Tget_size(type);
  std::size_t end = 0;
  for (int i = 0; i < H5Tget_nmembers(type); ++i) {
    const Handle member(H5Tget_member_type(type, unsigned(i)));
    const std::size_t offset = H5Tget_member_offset(type, unsigned(i));
    const std::size_t bytes = H5Tget_size(member.get());
    if (offset < end || bytes > size || offset > size - bytes || !members_fit(member.get()))
      return false;
    end = offset + bytes;
  }
  return true;
}

/// Hashes what was decoded last on another thread while the next is decoded, which takes as long.
class HashBehind {
 public:
  explicit HashBehind(Hasher& hasher) : hasher_(hasher) {}
  /// @param bytes stay until the next call has returned
  void update(std::span<const std::byte> bytes) {
    constexpr std::size_t worth_a_thread = std::size_t{1} << 17;
    if (bytes.size() < worth_a_thread) return update_here(bytes);
    wait();
    behind_ = std::async(std::launch::async, [this, bytes] { hasher_.update(bytes); });
  }
  /// The same at once: the bytes need not stay.
  void update_here(std::span<const std::byte> bytes) {
    wait();
    hasher_.update(bytes);
  }
  void wait() {
    if (behind_.valid()) behind_.get();
  }

 private:
  Hasher& hasher_;
  std::future<void> behind_;
};

void hash_dataset(const File& file, const std::string& path, Hasher& hasher) {
  const File::State& state = file.state();
  const std::shared_lock lock(object_copy_mutex());
  const Handle dataset = state.open_dataset(path);
  if (!dataset) throw state.failure("cannot be opened", path);
  const Handle type(H5Dget_type(dataset.get()));
  const Handle space(H5Dget_space(dataset.get()));
  std::vector<hsize_t> shape(std::size_t(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!shape.empty()) H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  std::string head = path + " " + type_text(type.get());
  for (const hsize_t size : shape) head += fmt::format(" {}", size);
  hasher.update(head + "\n");
  if (H5Sget_simple_extent_npoints(space.get()) == 0) return;
  if (H5Tis_variable_str(type.get()) > 0) {
    if (!shape.empty()) return hash_texts(state, path, dataset.get(), hasher);
    hasher.update(file.read_text(path));
    return;
  }
  // Such values are pointers in memory: their bytes would differ from one reading to the next.
  if (H5Tdetect_class(type.get(), H5T_VLEN) > 0 || holds_variable_text(type.get()))
    throw Error(ErrorKind::bad_input, "holds values of variable length, which have no data hash",
                state.path.string() + ":" + path);
  const auto refuse = [&] {
    return Error(ErrorKind::bad_input, "cannot be decoded: " + last_hdf5_error(),
                 state.path.string() + ":" + path, "make or copy the file again");
  };
  const std::string where = state.path.string() + ":" + path;
  if (!members_fit(type.get()))
    throw Error(ErrorKind::bad_input, "has columns that lie outside its rows", where,
                "it is damaged: make or copy it again");
  std::size_t row_bytes = H5Tget_size(type.get());
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (row_bytes != 0 && shape[i] > std::numeric_limits<std::size_t>::max() / row_bytes)
      throw Error(ErrorKind::bad_input, "says that it holds more than any file can", where,
                  "it is damaged: make or copy it again");
    row_bytes *= shape[i];
  }
  std::vector<std::byte> buffer;
  if (shape.empty()) {
    make_room(buffer, 1, row_bytes, where);
    if (H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer.data()) < 0)
      throw refuse();
    hasher.update(buffer);
    return;
  }
  hsize_t step = std::max<hsize_t>(1, read_bytes / std::max<std::size_t>(1, row_bytes));
  const Handle creation(H5Dget_create_plist(dataset.get()));
  std::vector<hsize_t> chunk(shape.size(), 1);
  if (H5Pget_layout(creation.get()) == H5D_CHUNKED) {
    // Whole chunks: a chunk read twice would be decompressed twice.
    H5Pget_chunk(creation.get(), int(chunk.size()), chunk.data());
    step = std::max(chunk[0], step / chunk[0] * chunk[0]);
  }
  ChunkReader chunks(dataset.get(), creation.get(), chunk[0] * row_bytes);
  if (chunks.usable()) step = chunk[0];
  std::array<LargeBuffer, 2> pieces;
  std::size_t piece = 0;
  HashBehind hash_behind(hasher);
  std::vector<hsize_t> start(shape.size(), 0), count(shape);
  for (; start[0] < shape[0]; start[0] += step) {
    count[0] = std::min(step, shape[0] - start[0]);
    if (chunks.usable() && chunks.load(start[0])) {
      const std::size_t bytes = count[0] * row_bytes;
      for (std::size_t at = 0; at < bytes; at += chunks.piece_bytes()) {
        // While this one is filled the other one is hashed.
        LargeBuffer& values = pieces[piece++ % pieces.size()];
        values.resize(std::min(chunks.piece_bytes(), bytes - at));
        if (!chunks.take(at, values))
          throw Error(
              ErrorKind::bad_input,
              fmt::format("the chunk that begins at row {} cannot be decompressed", start[0]),
              where, "it is damaged: make or copy the file again");
        hash_behind.update(values);
      }
      continue;
    }
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    const Handle memory(H5Screate_simple(int(count.size()), count.data(), nullptr));
    make_room(buffer, count[0], row_bytes, where);
    if (H5Dread(dataset.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT, buffer.data()) <
        0)
      throw refuse();
    hash_behind.update_here(buffer);
  }
  hash_behind.wait();
}

void hash_below(const File& file, const std::string& group, Hasher& hasher) {
  for (const std::string& name : file.members(group)) {
    const std::string path = (group == "/" ? "" : group) + "/" + name;
    if (path == volatile_group) continue;
    H5O_info_t info;
    if (H5Oget_info_by_name2(file.state().id(), path.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) <
        0)
      throw file.state().failure("cannot be opened", path);
    if (info.type == H5O_TYPE_GROUP)
      hash_below(file, path, hasher);
    else if (info.type == H5O_TYPE_DATASET)
      hash_dataset(file, path, hasher);
  }
}

}  // namespace

std::string data_hash(const std::filesystem::path& path) {
  const File file = File::open(path);
  Hasher hasher;
  hash_below(file, "/", hasher);
  return hasher.finish();
}

}  // namespace alisio::hdf5
