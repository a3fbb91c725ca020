#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real mail servers of the tests' own: OpenSMTPD and Dovecot, on ports of 127.0.0.1 that were free, with all they write in a
# directory of their own. OpenSMTPD has its spool and socket at fixed places: it gets a mount namespace where those are empty.
# Where there can be none, as in a plain chroot, it gets the machine's own, one after the other, unless an OpenSMTPD runs there.
# That needs root.
#
#   mail.sh start DIR    start; prints the state: ports, directory of mailboxes, certificate (NAME=VALUE lines)
#   mail.sh stop DIR     stop and remove all of it
#
# Mailboxes: vendas@loja.test, ana@example.test, bia@example.test; IMAP's user is the address, the password "secret". What is
# sent to @gone.test is taken and comes back as a bounce. SMTP is plain and asks for no login: Debian 12's OpenSMTPD fails in
# every TLS handshake ("EVP lib"), and does no login without; the tests put a TLS front of their own before it.
set -euo pipefail

die() {
  echo "mail.sh: $*" >&2
  exit 1
}

[ $# = 2 ] || die "start DIR or stop DIR"
mkdir -p "$2"
dir=$(cd "$2" && pwd)
state=$dir/state

stop() {
  local pid tries
  [ -f "$state" ] || return 0
  # shellcheck disable=SC1090 # written by start
  . "$state"
  for pid in $SMTP_PID $IMAP_PID; do
    # Only what is still ours: the number may be another process by now.
    case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
    *smtpd* | *dovecot*) kill "$pid" 2>/dev/null || true ;;
    *) continue ;;
    esac
    for ((tries = 0; tries < 200; tries++)); do
      [ -d "/proc/$pid" ] || break
      sleep 0.05
    done
  done
  case $WORK in
  /var/tmp/prosa-mail.*) rm -rf "$WORK" ;;
  esac
  rm -f "$state"
}

# Draws below the range that the kernel gives to clients.
draw_ports() {
  base=$((20000 + RANDOM % 12000))
  SMTP_PORT=$base IMAP_PORT=$((base + 1)) IMAPS_PORT=$((base + 2))
}

write_smtpd() {
  local user virtuals='' users=''
  for user in vendas@loja.test ana@example.test bia@example.test; do
    virtuals+="\"$user\" = \"${user%@*}\", "
    users+="\"${user%@*}\" = \"65534:65534:$WORK/mail/${user%@*}\", "
  done
  cat >"$WORK/smtpd.conf" <<CONF
table virtuals { ${virtuals%, } }
table users { ${users%, } }
listen on 127.0.0.1 port $SMTP_PORT hostname mail.test
action "deliver" maildir "$WORK/mail/%{user.username}/Maildir" virtual <virtuals> userbase <users>
action "gone" mda "/bin/sh -c 'exit 67'" virtual { "@gone.test" = "ana" } userbase <users>
match from any for domain { "loja.test", "example.test" } action "deliver"
match from any for domain "gone.test" action "gone"
CONF
  chmod 600 "$WORK/smtpd.conf"
}

write_dovecot() {
  cat >"$WORK/dovecot.conf" <<CONF
protocols = imap
listen = 127.0.0.1
base_dir = $WORK/run
state_dir = $WORK/state
log_path = $WORK/dovecot.log
instance_name = prosa-tests
ssl = yes
ssl_cert = <$WORK/cert.pem
ssl_key = <$WORK/key.pem
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=$WORK/mail/%n
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $IMAP_PORT
  }
  inet_listener imaps {
    port = $IMAPS_PORT
    ssl = yes
  }
}
service anvil {
  chroot =
}
CONF
}

answers() { # answers PORT: somebody listens
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

launch_smtpd() {
  if unshare --mount --propagation private true 2>/dev/null; then
    # shellcheck disable=SC2016 # for the inner shell
    setsid unshare --mount --propagation private sh -c '
      mount -t tmpfs -o mode=755 none /var/spool && mkdir -m 711 /var/spool/smtpd &&
      mount -t tmpfs -o mode=755 none /run && exec smtpd -d -f "$0"' "$WORK/smtpd.conf" \
      >"$WORK/smtpd.log" 2>&1 </dev/null &
    SMTP_PID=$!
    return 0
  fi
  exec 9>/run/lock/prosa-tests.smtpd
  flock -w 600 9 || die "other tests keep OpenSMTPD's places"
  [ ! -e /run/smtpd.sock ] || ! smtpctl show status >/dev/null 2>&1 || die "an OpenSMTPD runs here, and there can be no mount namespace"
  mkdir -p -m 711 /var/spool/smtpd
  # The shell keeps the lock as long as the server runs.
  # shellcheck disable=SC2016 # for the inner shell
  setsid sh -c 'smtpd -d -f "$0" & child=$!; trap "kill $child" TERM; wait $child; wait $child' "$WORK/smtpd.conf" \
    >"$WORK/smtpd.log" 2>&1 </dev/null &
  SMTP_PID=$!
  exec 9>&-
}

launch() {
  local tries
  launch_smtpd
  setsid dovecot -F -c "$WORK/dovecot.conf" >"$WORK/dovecot.out" 2>&1 </dev/null &
  IMAP_PID=$!
  for ((tries = 0; tries < 400; tries++)); do
    if answers "$SMTP_PORT" && answers "$IMAP_PORT" && answers "$IMAPS_PORT"; then
      disown -a
      return 0
    fi
    kill -0 $SMTP_PID 2>/dev/null && kill -0 $IMAP_PID 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

start() {
  local tries user
  [ "$(id -u)" = 0 ] || die "OpenSMTPD has to be started by root"
  command -v smtpd >/dev/null && command -v dovecot >/dev/null || die "no opensmtpd or no dovecot-imapd here: run ./dev check install"
  stop
  WORK=$(mktemp -d /var/tmp/prosa-mail.XXXXXX)
  chmod 755 "$WORK"
  mkdir "$WORK/mail" "$WORK/run" "$WORK/state"
  for user in vendas ana bia; do
    mkdir "$WORK/mail/$user"
    chown 65534:65534 "$WORK/mail/$user"
  done
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
    -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
  for ((tries = 0; tries < 5; tries++)); do
    draw_ports
    write_smtpd
    write_dovecot
    if launch; then
      printf '%s=%q\n' WORK "$WORK" SMTP_PID $SMTP_PID IMAP_PID $IMAP_PID SMTP_PORT "$SMTP_PORT" \
        IMAP_PORT "$IMAP_PORT" IMAPS_PORT "$IMAPS_PORT" MAIL "$WORK/mail" CERT "$WORK/cert.pem" KEY "$WORK/key.pem" >"$state"
      cat "$state"
      return 0
    fi
    kill $SMTP_PID $IMAP_PID 2>/dev/null || true
    grep -qi 'address already in use' "$WORK/smtpd.log" "$WORK/dovecot.log" "$WORK/dovecot.out" 2>/dev/null || break
  done
  cat "$WORK/smtpd.log" "$WORK/dovecot.log" "$WORK/dovecot.out" >&2 || true
  rm -rf "$WORK"
  die "could not start the mail servers"
}

case $1 in
start) start ;;
stop) stop ;;
*) die "start DIR or stop DIR" ;;
esac
