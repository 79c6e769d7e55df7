#pragma once
#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {

/// Write the `/configuration/instrument` tables of a telescope, as ctapipe's readers expect them.
void write_configuration(hdf5::File& file, const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
