#pragma once
#include <string>

namespace alisio {

/// A library loaded when it is first needed, so that a program that does not use it starts without
/// it. Never closed: what it keeps (fonts, connections) lives as long as the process.
class SharedLibrary {
 public:
  /// @param file as the loader finds it: "libcairo.so.2"
  /// @param what the library is: "the library that draws PNG"
  /// @param remedy what to do where it is absent or too old
  /// @throws Error (configuration) that it cannot be loaded, with the remedy
  SharedLibrary(std::string file, const std::string& what, std::string remedy);

  /// Point `function` at the library's function of that name.
  /// @throws Error (configuration) that there is none, with the remedy
  template <typename Function>
  void find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(address_of(name));
  }

 private:
  [[nodiscard]] void* address_of(const char* name) const;

  std::string file_, remedy_;
  void* library_;
};

}  // namespace alisio
