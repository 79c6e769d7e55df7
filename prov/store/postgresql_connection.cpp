#include "lib/base/error.hpp"
#include "prov/store/connection.hpp"

namespace alisio::prov {

std::unique_ptr<Store::Connection> connect_postgresql(const std::string& where, StoreMode) {
  throw Error(ErrorKind::configuration, "this program was built without PostgreSQL", where,
              "build it where libpq is installed, or give the path of an SQLite file");
}

}  // namespace alisio::prov
