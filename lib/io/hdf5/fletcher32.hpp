#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace alisio::hdf5 {

/// Bytes of the checksum, little endian, that HDF5's filter 3 puts behind a chunk.
inline constexpr std::size_t checksum_bytes = 4;

/// Fletcher's checksum over big-endian 16-bit words, as HDF5's filter 3 computes it.
[[nodiscard]] std::uint32_t fletcher32(std::span<const std::byte> data);

}  // namespace alisio::hdf5
