#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace alisio::hdf5 {

using AttributeValue = std::variant<std::string, std::int64_t, double>;

/// How a text attribute is stored: PyTables writes fixed-length UTF-8, ctapipe's reader of
/// reference metadata needs variable length.
enum class TextForm { fixed, variable };

/// What an object of a file is.
enum class ObjectKind {
  none,
  group,
  table,  ///< rows of columns
  array,  ///< numbers
  other   ///< texts and the like
};

/// An HDF5 file, open for reading or being made. Closed when the last copy goes.
class File {
 public:
  /// Make a file with the root attributes that PyTables expects. Object times are not stored: equal
  /// content gives equal bytes. @throws Error(resource).
  static File create(const std::filesystem::path& path);
  /// Open for reading. @throws Error(missing_input); Error(bad_input) if it is no whole HDF5 file.
  static File open(const std::filesystem::path& path);

  [[nodiscard]] bool exists(const std::string& object) const;
  [[nodiscard]] ObjectKind kind_of(const std::string& object) const;
  /// Return the names of the members of a group, sorted. @throws Error(bad_input).
  [[nodiscard]] std::vector<std::string> members(const std::string& group) const;

  /// Make a group and its parents, with the attributes of PyTables groups.
  void create_group(const std::string& path);
  void write_attribute(const std::string& object, const std::string& name,
                       const AttributeValue& value, TextForm form = TextForm::fixed);
  [[nodiscard]] bool has_attribute(const std::string& object, const std::string& name) const;
  /// @throws Error(bad_input) if there is none or it is no text.
  [[nodiscard]] std::string text_attribute(const std::string& object,
                                           const std::string& name) const;
  [[nodiscard]] double number_attribute(const std::string& object, const std::string& name) const;

  /// Write one UTF-8 text, as PyTables writes it. Trailing zero bytes are lost.
  void write_text(const std::string& path, const std::string& text);
  [[nodiscard]] std::string read_text(const std::string& path) const;
  /// Return the texts of an array of fixed-length ones, as write_texts() and PyTables write them.
  /// @throws Error(bad_input) if it is none.
  [[nodiscard]] std::vector<std::string> read_texts(const std::string& path) const;
  /// Write texts as PyTables writes a list of them: one array of fixed length. At least one, and
  /// none empty.
  void write_texts(const std::string& path, const std::vector<std::string>& texts,
                   const std::string& title);
  /// Write an array of numbers, contiguous.
  void write_array(const std::string& path, const std::vector<double>& values,
                   const std::vector<std::size_t>& shape);
  /// Read a dataset of numbers of any kind. `shape`, if not null, gets its shape.
  [[nodiscard]] std::vector<double> read_array(const std::string& path,
                                               std::vector<std::size_t>* shape = nullptr) const;

  /// Copy a group or dataset with all below it and all attributes to the same path of `target`. No
  /// table below it may be open for reading in this process.
  void copy_to(File& target, const std::string& path) const;

  /// Flush and close; later use is an error. Closing by destruction would hide a full disk.
  /// @throws Error(resource).
  void close();

  [[nodiscard]] const std::filesystem::path& path() const;

  struct State;
  [[nodiscard]] State& state() const { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace alisio::hdf5
