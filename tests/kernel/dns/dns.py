# DNS answers byte by byte. The servers send back what they get, so whoever asks is also the one who
# says what the answer is.

SERVER, SERVER6, SERVER_MAPPED = ('10.96.0.10', 53), ('2001:db8:18::10', 53), ('::ffff:10.96.0.10', 53)
A, NS, CNAME, SOA, AAAA, OPT, HTTPS = 1, 2, 5, 6, 28, 41, 65
# The name of the question, where a message begins with its head.
QUESTION = b'\xc0\x0c'

def host(text):
    return b''.join(bytes([len(label)]) + label.encode() for label in text.split('.')) + b'\0'

def record(kind, data, owner=QUESTION, ttl=60, kind_of_net=1):
    return owner + struct.pack('>HHIH', kind, kind_of_net, ttl, len(data)) + data

def address(text, **more):
    if ':' in text:
        return record(AAAA, socket.inet_pton(socket.AF_INET6, text), **more)
    return record(A, socket.inet_aton(text), **more)

def alias(target, **more):
    return record(CNAME, host(target), **more)

def answer(name, *records, kind=A, flags=0x8180, authority=(), additional=()):
    counts = 1, len(records), len(authority), len(additional)
    head = struct.pack('>6H', 1, flags, *counts)
    question = (name if isinstance(name, bytes) else host(name)) + struct.pack('>2H', kind, 1)
    return head + question + b''.join((*records, *authority, *additional))

def told(message, server=SERVER, s=None):
    'Gets an answer by UDP.'
    s = s or udp(socket.AF_INET6 if ':' in server[0] else socket.AF_INET)
    s.settimeout(5)
    s.sendto(message, server)
    assert s.recv(1 << 16) == message

def told_by_tcp(message, server=SERVER, *, apart=False, length=None):
    'Gets an answer with its length before it, in the same segment or in one of its own.'
    s = tcp(socket.AF_INET6 if ':' in server[0] else socket.AF_INET)
    s.settimeout(5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect(server)
    length = struct.pack('>H', length or len(message))
    for part in (length, message) if apart else (length + message,):
        s.sendall(part)
        back = b''
        while len(back) < len(part):
            back += s.recv(1 << 16)
        assert back == part
    s.close()

def connect(ip):
    s = tcp(socket.AF_INET6 if ':' in ip else socket.AF_INET)
    s.settimeout(5)
    s.connect((ip, 8080))
    s.close()
