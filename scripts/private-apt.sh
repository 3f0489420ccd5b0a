# Sourced: apt on private state, so that the machine's own package lists stay as they are.

# Mirrors can be private: their addresses stay out of every log.
without_addresses() { sed -E 's#[a-z+]+://[^ ]+#<mirror>#g; s#\[IP: [^]]*\]##'; }

# private_apt <directory>: has all apt commands use this directory; standard input is its list of sources.
private_apt() {
  mkdir -p "$1"/{lists,archives}/partial
  cat > "$1/sources.list"
  cat > "$1/apt.conf" <<CONF
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$1/lists";
Dir::Cache "$1";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  export APT_CONFIG=$1/apt.conf
}
