#include "lib/io/hdf5/file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include "lib/io/hdf5/state.hpp"

namespace alisio::hdf5 {
namespace fs = std::filesystem;
namespace {

extern "C" {
static herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}
}

Handle open_object(const File::State& state, const std::string& path) {
  Handle object(H5Oopen(state.id(), path.c_str(), H5P_DEFAULT));
  if (!object)
    throw Error(ErrorKind::bad_input, "has no '" + path + "'", state.path.string(),
                "is it a file of this kind?");
  return object;
}

Handle variable_text() {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

/// Read the one text of an attribute or dataset through `read(type, buffer)`; nothing if it cannot
/// be read.
template <typename Read>
std::optional<std::string> read_one_text(hid_t file_type, const Read& read) {
  if (H5Tis_variable_str(file_type) > 0) {
    const Handle type = variable_text();
    char* text = nullptr;
    if (read(type.get(), &text) < 0) return std::nullopt;
    std::string out = text == nullptr ? "" : text;
    H5free_memory(text);
    return out;
  }
  std::string out(H5Tget_size(file_type) + 1, '\0');
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), out.size());
  H5Tset_cset(type.get(), H5Tget_cset(file_type));
  if (read(type.get(), out.data()) < 0) return std::nullopt;
  out.resize(std::strlen(out.c_str()));
  return out;
}

/// Write texts of fixed length as an array of PyTables: it cannot copy those of variable length.
void write_fixed_texts(File& file, const std::string& path, const std::vector<std::string>& texts,
                       hid_t new_space, const std::string& title) {
  const Handle space(new_space);
  if (const std::size_t slash = path.rfind('/'); slash > 0)
    file.create_group(path.substr(0, slash));
  std::size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  std::string packed;
  for (const std::string& text : texts) {
    packed += text;
    packed.append(longest - text.size(), '\0');
  }
  const Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), longest);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const Handle creation = timeless(H5P_DATASET_CREATE);
  {
    const Handle dataset(H5Dcreate2(file.state().id(), path.c_str(), type.get(), space.get(),
                                    H5P_DEFAULT, creation.get(), H5P_DEFAULT));
    if (!dataset ||
        H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, packed.data()) < 0)
      throw file.state().failure("text cannot be written", path);
  }
  file.write_attribute(path, "CLASS", "ARRAY");
  file.write_attribute(path, "FLAVOR", "python");
  file.write_attribute(path, "TITLE", title);
  file.write_attribute(path, "VERSION", "2.4");
}

}  // namespace

Handle timeless(hid_t property_class) {
  Handle properties(H5Pcreate(property_class));
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

void write_attribute_to(hid_t object, const std::string& name, const AttributeValue& value,
                        TextForm form, const File::State& state, const std::string& where) {
  herr_t done = -1;
  const auto write = [&](hid_t type, hid_t space, const void* data) {
    if (H5Aexists(object, name.c_str()) > 0) H5Adelete(object, name.c_str());
    const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (attribute) done = data == nullptr ? 0 : H5Awrite(attribute.get(), type, data);
  };
  const Handle scalar(H5Screate(H5S_SCALAR));
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (form == TextForm::variable) {
      const Handle type = variable_text();
      const char* data = text->c_str();
      write(type.get(), scalar.get(), &data);
    } else {
      Handle type(H5Tcopy(H5T_C_S1));
      H5Tset_size(type.get(), std::max<std::size_t>(1, text->size()));
      H5Tset_cset(type.get(), H5T_CSET_UTF8);
      // PyTables stores the empty text as an attribute without elements.
      const Handle none(H5Screate(H5S_NULL));
      write(type.get(), text->empty() ? none.get() : scalar.get(),
            text->empty() ? nullptr : text->data());
    }
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write(H5T_STD_I64LE, scalar.get(), integer);
  } else {
    write(H5T_IEEE_F64LE, scalar.get(), &std::get<double>(value));
  }
  if (done < 0) throw state.failure("attribute '" + name + "' cannot be written", where);
}

File File::create(const fs::path& path) {
  prepare_library();
  File file;
  file.state_ = std::make_shared<State>();
  file.state_->path = path;
  file.state_->writing = true;
  const Handle creation = timeless(H5P_FILE_CREATE);
  file.state_->file = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT));
  if (!file.state_->file) throw file.state_->failure("cannot be made", "");
  file.write_attribute("/", "CLASS", "GROUP");
  file.write_attribute("/", "PYTABLES_FORMAT_VERSION", "2.1");
  file.write_attribute("/", "TITLE", "");
  file.write_attribute("/", "VERSION", "1.0");
  return file;
}

File File::open(const fs::path& path) {
  prepare_library();
  std::error_code failed;
  if (!fs::is_regular_file(path, failed))
    throw Error(ErrorKind::missing_input,
                failed                   ? failed.message()
                : fs::is_directory(path) ? "is a folder, not a file"
                                         : "is no file",
                path.string(), "check the path and its permissions");
  if (::access(path.c_str(), R_OK) != 0)
    throw Error(ErrorKind::missing_input, std::string("cannot be opened: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  File file;
  file.state_ = std::make_shared<State>();
  file.state_->path = path;
  file.state_->file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!file.state_->file) {
    const std::string cause = last_hdf5_error();
    throw Error(ErrorKind::bad_input, "is no whole HDF5 file: " + cause, path.string(),
                "make or copy it again");
  }
  return file;
}

bool File::exists(const std::string& object) const {
  // H5Lexists needs every parent to exist, so look at one after the other.
  for (std::size_t slash = object.find('/', 1);; slash = object.find('/', slash + 1)) {
    const std::string part = object.substr(0, slash);
    if (part != "/" && H5Lexists(state_->id(), part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

ObjectKind File::kind_of(const std::string& object) const {
  if (!exists(object)) return ObjectKind::none;
  const Handle opened(H5Oopen(state_->id(), object.c_str(), H5P_DEFAULT));
  const H5I_type_t kind = H5Iget_type(opened.get());
  if (kind == H5I_GROUP) return ObjectKind::group;
  if (kind != H5I_DATASET) return ObjectKind::other;
  const Handle type(H5Dget_type(opened.get()));
  switch (H5Tget_class(type.get())) {
    case H5T_COMPOUND:
      return ObjectKind::table;
    case H5T_INTEGER:
    case H5T_FLOAT:
    case H5T_ENUM:
    case H5T_BITFIELD:
      return ObjectKind::array;
    default:
      return ObjectKind::other;
  }
}

std::vector<std::string> File::members(const std::string& group) const {
  std::vector<std::string> names;
  if (H5Literate_by_name(state_->id(), group.c_str(), H5_INDEX_NAME, H5_ITER_INC, nullptr,
                         collect_name, &names, H5P_DEFAULT) < 0)
    throw state_->failure("has no group '" + group + "'", group);
  std::sort(names.begin(), names.end());
  return names;
}

void File::create_group(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!part.empty() && part != "/" && !exists(part)) {
      const Handle creation = timeless(H5P_GROUP_CREATE);
      const Handle group(
          H5Gcreate2(state_->id(), part.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
      if (!group) throw state_->failure("group cannot be made", part);
      write_attribute(part, "CLASS", "GROUP");
      write_attribute(part, "TITLE", "");
      write_attribute(part, "VERSION", "1.0");
    }
    if (slash == std::string::npos) return;
  }
}

void File::write_attribute(const std::string& object, const std::string& name,
                           const AttributeValue& value, TextForm form) {
  const Handle target = open_object(*state_, object);
  write_attribute_to(target.get(), name, value, form, *state_, object);
}

bool File::has_attribute(const std::string& object, const std::string& name) const {
  return exists(object) &&
         H5Aexists_by_name(state_->id(), object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

std::string File::text_attribute(const std::string& object, const std::string& name) const {
  const Handle target = open_object(*state_, object);
  const Handle attribute(H5Aopen(target.get(), name.c_str(), H5P_DEFAULT));
  if (!attribute) throw state_->failure("has no attribute '" + name + "'", object);
  const Handle type(H5Aget_type(attribute.get()));
  const Handle space(H5Aget_space(attribute.get()));
  if (H5Tget_class(type.get()) != H5T_STRING)
    throw state_->failure("attribute '" + name + "' is no text", object);
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (count == 0) return {};
  const std::optional<std::string> text =
      count != 1 ? std::nullopt : read_one_text(type.get(), [&](hid_t memory_type, void* buffer) {
        return H5Aread(attribute.get(), memory_type, buffer);
      });
  if (!text) throw state_->failure("attribute '" + name + "' is no single text", object);
  return *text;
}

double File::number_attribute(const std::string& object, const std::string& name) const {
  const Handle target = open_object(*state_, object);
  const Handle attribute(H5Aopen(target.get(), name.c_str(), H5P_DEFAULT));
  double value = 0;
  if (!attribute || H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value) < 0)
    throw state_->failure("has no number '" + name + "'", object);
  return value;
}

void File::write_text(const std::string& path, const std::string& text) {
  write_fixed_texts(*this, path, {text}, H5Screate(H5S_SCALAR), "");
}

Handle File::State::open_dataset(const std::string& object) const {
  Handle dataset(H5Dopen2(id(), object.c_str(), H5P_DEFAULT));
  if (!dataset) return dataset;
  const Handle creation(H5Dget_create_plist(dataset.get()));
  std::array<unsigned, 8> values{};
  std::size_t n_values = values.size();
  unsigned flags = 0;
  if (H5Pget_layout(creation.get()) != H5D_CHUNKED ||
      H5Pget_filter_by_id2(creation.get(), blosc_filter_id, &flags, &n_values, values.data(), 0,
                           nullptr, nullptr) < 0 ||
      n_values < 4 || values[3] == 0) {
    static_cast<void>(last_hdf5_error());
    return dataset;
  }
  std::array<hsize_t, H5S_MAX_RANK> shape{};
  const int rank = H5Pget_chunk(creation.get(), int(shape.size()), shape.data());
  const Handle type(H5Dget_type(dataset.get()));
  // As a floating-point number: a damaged shape may be of any size.
  double bytes = double(H5Tget_size(type.get()));
  for (int i = 0; i < rank; ++i) bytes *= double(shape[std::size_t(i)]);
  if (bytes != double(values[3]))
    throw Error(ErrorKind::bad_input, "has chunks of another size than their filter says",
                path.string() + ":" + object, "it is damaged: make or copy it again");
  return dataset;
}

std::string File::read_text(const std::string& path) const {
  const Handle dataset = state_->open_dataset(path);
  if (!dataset) throw state_->failure("has no '" + path + "'", path);
  const Handle type(H5Dget_type(dataset.get()));
  const Handle space(H5Dget_space(dataset.get()));
  if (H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1)
    throw state_->failure("is no single text", path);
  const std::optional<std::string> text =
      read_one_text(type.get(), [&](hid_t memory_type, void* buffer) {
        return H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
      });
  if (!text) throw state_->failure("the text cannot be read", path);
  return *text;
}

std::vector<std::string> File::read_texts(const std::string& path) const {
  const Handle dataset = state_->open_dataset(path);
  if (!dataset) throw state_->failure("has no '" + path + "'", path);
  const Handle type(H5Dget_type(dataset.get())), space(H5Dget_space(dataset.get()));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0 || count < 0)
    throw state_->failure("is no array of fixed-length texts", path);
  const std::size_t size = H5Tget_size(type.get());
  std::string bytes;
  make_room(bytes, std::uint64_t(count), size, state_->path.string() + ":" + path);
  if (H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
    throw state_->failure("texts cannot be read", path);
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    texts.push_back(bytes.substr(at, size));
    texts.back().erase(std::min(texts.back().find('\0'), size));
  }
  return texts;
}

void File::write_texts(const std::string& path, const std::vector<std::string>& texts,
                       const std::string& title) {
  const hsize_t count = texts.size();
  write_fixed_texts(*this, path, texts, H5Screate_simple(1, &count, nullptr), title);
}

void File::write_array(const std::string& path, const std::vector<double>& values,
                       const std::vector<std::size_t>& shape) {
  if (const std::size_t slash = path.rfind('/'); slash > 0) create_group(path.substr(0, slash));
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Handle space(H5Screate_simple(int(sizes.size()), sizes.data(), nullptr));
  const Handle creation = timeless(H5P_DATASET_CREATE);
  const Handle dataset(H5Dcreate2(state_->id(), path.c_str(), H5T_IEEE_F64LE, space.get(),
                                  H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!dataset ||
      H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    throw state_->failure("array cannot be written", path);
}

std::vector<double> File::read_array(const std::string& path,
                                     std::vector<std::size_t>* shape) const {
  const Handle dataset = state_->open_dataset(path);
  if (!dataset) throw state_->failure("has no '" + path + "'", path);
  const Handle space(H5Dget_space(dataset.get()));
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> sizes(std::size_t(std::max(rank, 0)));
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  if (shape != nullptr) shape->assign(sizes.begin(), sizes.end());
  std::vector<double> values;
  make_room(values, std::uint64_t(H5Sget_simple_extent_npoints(space.get())), 1,
            state_->path.string() + ":" + path);
  if (H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    throw state_->failure("cannot be read as numbers", path);
  return values;
}

std::shared_mutex& object_copy_mutex() {
  static std::shared_mutex mutex;
  return mutex;
}

void File::copy_to(File& target, const std::string& path) const {
  if (const std::size_t slash = path.rfind('/'); slash > 0)
    target.create_group(path.substr(0, slash));
  // H5Ocopy of HDF5 1.10 crashes when the disk is full: there must be room before it begins.
  std::error_code unknown;
  const std::filesystem::space_info room =
      std::filesystem::space(target.state_->path.parent_path(), unknown);
  const std::uintmax_t needed = std::filesystem::file_size(state_->path, unknown);
  if (!unknown && room.available < needed)
    throw Error(ErrorKind::resource,
                "there is no space to copy '" + path + "' of " + state_->path.string(),
                target.state_->path.string(), "make room on the disk");
  const std::unique_lock lock(object_copy_mutex());
  if (H5Ocopy(state_->id(), path.c_str(), target.state_->id(), path.c_str(), H5P_DEFAULT,
              H5P_DEFAULT) < 0)
    throw target.state_->failure("'" + path + "' of " + state_->path.string() + " cannot be copied",
                                 path);
}

void File::close() {
  const herr_t flushed = state_->writing ? H5Fflush(state_->id(), H5F_SCOPE_GLOBAL) : 0;
  if (flushed < 0) throw state_->failure("cannot be written", "");
  if (H5Fclose(state_->file.release()) < 0) throw state_->failure("cannot be closed", "");
}

const fs::path& File::path() const {
  return state_->path;
}

}  // namespace alisio::hdf5
