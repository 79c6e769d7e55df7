// HDF5 and CFITSIO can read files from the network. As Debian builds them they do so by curl, which
// brings forty libraries with it: loading these takes two thirds of the time in which the program
// starts, and a night starts it for every job. Nothing here reads from the network, so that the two
// are linked with these functions in the place of curl's, which say that there is none.

extern "C" {
// Declared as libcurl declares them; none is ever reached with a connection.
void* curl_easy_init();
int curl_easy_setopt(void* handle, int option, ...);
int curl_easy_perform(void* handle);
void curl_easy_cleanup(void* handle);
int curl_global_init(long flags);
void curl_global_cleanup();
void* curl_slist_append(void* list, const char* text);
void curl_slist_free_all(void* list);

constexpr int curl_unsupported_protocol = 1;

void* curl_easy_init() {
  return nullptr;
}
int curl_easy_setopt(void*, int, ...) {
  return curl_unsupported_protocol;
}
int curl_easy_perform(void*) {
  return curl_unsupported_protocol;
}
void curl_easy_cleanup(void*) {}
int curl_global_init(long) {
  return curl_unsupported_protocol;
}
void curl_global_cleanup() {}
void* curl_slist_append(void*, const char*) {
  return nullptr;
}
void curl_slist_free_all(void*) {}
}
