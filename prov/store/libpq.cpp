#ifdef ALISIO_HAS_LIBPQ

#include "prov/store/libpq.hpp"

#include <dlfcn.h>

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw Error(ErrorKind::configuration, std::string("libpq has no function ") + name,
                "libpq.so.5", "install PostgreSQL's client library of version 14 or later");
}

Libpq load() {
  // Never closed: its connections may live as long as the process.
  void* library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::configuration, "PostgreSQL's client library cannot be loaded",
                "libpq.so.5", "install it (package libpq5), or keep the index in a file");
  Libpq pq;
  find(library, "PQclear", pq.PQclear);
  find(library, "PQconnectdb", pq.PQconnectdb);
  find(library, "PQenterPipelineMode", pq.PQenterPipelineMode);
  find(library, "PQerrorMessage", pq.PQerrorMessage);
  find(library, "PQexec", pq.PQexec);
  find(library, "PQexecPrepared", pq.PQexecPrepared);
  find(library, "PQexitPipelineMode", pq.PQexitPipelineMode);
  find(library, "PQfinish", pq.PQfinish);
  find(library, "PQgetResult", pq.PQgetResult);
  find(library, "PQgetisnull", pq.PQgetisnull);
  find(library, "PQgetvalue", pq.PQgetvalue);
  find(library, "PQntuples", pq.PQntuples);
  find(library, "PQpipelineSync", pq.PQpipelineSync);
  find(library, "PQprepare", pq.PQprepare);
  find(library, "PQresultErrorMessage", pq.PQresultErrorMessage);
  find(library, "PQresultStatus", pq.PQresultStatus);
  find(library, "PQsendQueryPrepared", pq.PQsendQueryPrepared);
  find(library, "PQsetNoticeProcessor", pq.PQsetNoticeProcessor);
  find(library, "PQstatus", pq.PQstatus);
  return pq;
}

}  // namespace

const Libpq& libpq() {
  static const Libpq functions = load();
  return functions;
}

}  // namespace alisio::prov

#endif
