#pragma once
#include <hdf5.h>

#include <string>
#include <utility>

namespace alisio::hdf5 {

/// An owned HDF5 identifier of any kind, closed when it goes out of scope.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  ~Handle() { reset(); }

  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] explicit operator bool() const noexcept { return id_ >= 0; }
  /// Give the identifier away: the caller closes it.
  [[nodiscard]] hid_t release() noexcept { return std::exchange(id_, -1); }
  void reset() noexcept {
    if (id_ >= 0) H5Idec_ref(id_);
    id_ = -1;
  }

 private:
  hid_t id_ = -1;
};

/// Return the innermost message of HDF5's error stack as one line, and clear the stack.
[[nodiscard]] std::string last_hdf5_error();

/// Registered number of the Blosc filter.
inline constexpr H5Z_filter_t blosc_filter_id = 32001;

/// Make HDF5 quiet on this thread (errors become exceptions here) and know the Blosc filter.
void prepare_library();

}  // namespace alisio::hdf5
